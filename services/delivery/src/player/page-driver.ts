import type { Page } from 'playwright-core';

/** A menu that is written anew takes the entry away that is clicked at; then it is opened again. */
const click = { timeout: 3_000 };

type MenuName = 'Speed' | 'Quality' | 'Sound' | 'Subtitles';

async function openMenu(page: Page, name: MenuName): Promise<void> {
  const settings = page.locator('media-settings-menu');
  if (!(await settings.isVisible())) await page.locator('media-settings-menu-button').click(click);
  await settings.getByRole('menuitem', { name: new RegExp(`^${name}`) }).click(click);
}

async function closeMenus(page: Page): Promise<void> {
  const settings = page.locator('media-settings-menu');
  for (let left = 4; left > 0 && (await settings.isVisible()); left -= 1) {
    await page.locator('media-settings-menu-button').click(click);
    await page.waitForTimeout(50);
  }
}

/** Chooses an entry of a menu with the mouse; again where the menu was written anew meanwhile, as the picture changed its size. */
export async function choose(page: Page, name: MenuName, entry: string): Promise<void> {
  for (let left = 5; left > 0; left -= 1) {
    try {
      await openMenu(page, name);
      await page.getByRole('menuitemradio', { name: entry, exact: true }).click(click);
      break;
    } catch (caught) {
      if (left === 1) throw caught;
      await closeMenus(page);
    }
  }
  await closeMenus(page);
}

/** What a menu offers, in its order; nothing when the menu is not there. */
export async function menuEntries(page: Page, name: MenuName): Promise<string[]> {
  const tags = {
    Speed: 'media-playback-rate-menu',
    Quality: 'media-rendition-menu',
    Sound: 'media-audio-track-menu',
    Subtitles: 'media-captions-menu',
  };
  const item = page.locator(`media-settings-menu-item:has(> ${tags[name]})`);
  const size = Number(await item.getAttribute('submenusize'));
  if (size < 2) return [];
  const entries = await page.locator(`${tags[name]} media-chrome-menu-item`).allTextContents();
  return entries.map((text) => text.trim());
}
