/** Roles that screen readers expect, where the controls have none or another. */
export async function correctRoles() {
  await Promise.all(
    ['media-captions-button', 'media-settings-menu', 'media-captions-menu'].map((tag) =>
      customElements.whenDefined(tag),
    ),
  );
  // It is on or off, which a button cannot tell.
  document.querySelector('media-captions-button')?.setAttribute('role', 'switch');
  // A menu has nothing but entries in it, the way back among them.
  for (const menu of document.querySelectorAll('media-settings-menu, [slot=submenu]')) {
    menu.shadowRoot.querySelector('[part~=back]')?.setAttribute('role', 'menuitem');
  }
}
