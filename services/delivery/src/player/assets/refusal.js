const byStatus = {
  401: 'The address needs a token, or its token has expired.',
  403: 'This address may not be played here.',
  404: 'Nothing is published at this address.',
  410: 'What was here has been deleted.',
  503: 'The server is busy. Try again in a moment.',
};

/** What the server itself says about the manifest, when it refuses it; undefined when it does not. */
export async function refusalOf(source) {
  let response;
  try {
    response = await fetch(source, { signal: AbortSignal.timeout(5000) });
  } catch {
    return 'The server cannot be reached. Check your connection, then try again.';
  }
  if (response.ok) return undefined;
  try {
    const { message } = JSON.parse((await response.text()).slice(0, 4096));
    if (typeof message === 'string') return message;
  } catch {
    // Not JSON: the status says enough.
  }
  return byStatus[response.status] ?? `The server answered ${response.status}.`;
}
