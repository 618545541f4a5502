// The controls write their styles into shadow roots; the policy of the page takes styles by its nonce only.
const { nonce } = document.currentScript;
const withNonce = (html) => String(html).replaceAll(/<style(?=[\s>])/g, `<style nonce="${nonce}"`);
const { get, set } = Object.getOwnPropertyDescriptor(ShadowRoot.prototype, 'innerHTML');
Object.defineProperty(ShadowRoot.prototype, 'innerHTML', {
  configurable: true,
  enumerable: true,
  get,
  set(html) {
    set.call(this, withNonce(html));
  },
});
const { setHTMLUnsafe } = ShadowRoot.prototype;
if (setHTMLUnsafe) {
  ShadowRoot.prototype.setHTMLUnsafe = function setWithNonce(html, ...options) {
    setHTMLUnsafe.call(this, withNonce(html), ...options);
  };
}
