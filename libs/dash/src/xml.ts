/** An element: its tag, its attributes (undefined ones are left out) and its children or text. */
export interface XmlElement {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly children: readonly XmlElement[] | string;
}

/** An element for `xml`. Tag and attribute names are written as they are and must come from code. */
export function element(
  tag: string,
  attributes: XmlElement['attributes'] = {},
  children: XmlElement['children'] = [],
): XmlElement {
  return { tag, attributes, children };
}

/**
 * Text that XML 1.0 can carry: well-formed, NFC, every run of control characters (which it cannot carry, or would
 * change in an attribute) a single space, without the two non-characters it forbids.
 */
export function plainText(text: string): string {
  return (
    text
      .toWellFormed()
      .normalize('NFC')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML forbids
      .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]+/g, ' ')
      .trim()
  );
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

function escaped(text: string): string {
  return plainText(text).replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

function write(node: XmlElement, indent: string, lines: string[]): void {
  const attributes = Object.entries(node.attributes)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`)
    .join('');
  if (typeof node.children === 'string') {
    lines.push(`${indent}<${node.tag}${attributes}>${escaped(node.children)}</${node.tag}>`);
  } else if (node.children.length === 0) {
    lines.push(`${indent}<${node.tag}${attributes}/>`);
  } else {
    lines.push(`${indent}<${node.tag}${attributes}>`);
    for (const child of node.children) write(child, `${indent}  `, lines);
    lines.push(`${indent}</${node.tag}>`);
  }
}

/** The document with its declaration, two spaces deep a level, UTF-8. */
export function xml(root: XmlElement): string {
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>'];
  write(root, '', lines);
  return `${lines.join('\n')}\n`;
}
