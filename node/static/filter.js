// Applies filters as they are typed: the same page is fetched, and its list takes the place of the one shown. The form stays as
// it is, with its focus; the address is kept in step. Without this script the form's own button does the same.
const WAIT_MS = 300;
// All that depends on the filters, apart from the form itself.
const PARTS = ['.top', '.intro', '.jumps', '.kinds', '.board', '.bottom'];

const form = document.querySelector('form.filter');
const told = document.getElementById('told');
let shown;
let waiting;
let asked;

const address = () => {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (value.trim()) query.append(name, value);
  }
  return form.getAttribute('action') + (query.size ? `?${query}` : '');
};

const replace = (page) => {
  const isOpen = document.querySelector('.kinds details')?.open;
  for (const part of PARTS) {
    const fresh = page.querySelector(part);
    if (fresh) document.querySelector(part)?.replaceWith(fresh);
  }
  const kinds = document.querySelector('.kinds details');
  if (kinds && isOpen) kinds.open = true;
  document.title = page.title;
};

const show = async () => {
  const there = address();
  if (there === shown) return;
  asked?.abort();
  const mine = new AbortController();
  asked = mine;
  document.querySelector('.board').setAttribute('aria-busy', 'true');
  try {
    const answer = await fetch(there, { signal: mine.signal, credentials: 'same-origin' });
    // What is wrong is said by the page that the button leads to.
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    if (asked !== mine) return;
    replace(page);
    shown = there;
    history.replaceState(history.state, '', there);
    told.textContent = document.querySelector('.found')?.textContent ?? '';
    document.dispatchEvent(new Event('interhub:listed'));
  } catch (error) {
    // A newer question took this one's place, or the node is not reached: the list stays, the button still works.
    if (error.name !== 'AbortError') console.warn(`list not replaced: ${error.message}`);
  } finally {
    if (asked === mine) document.querySelector('.board').removeAttribute('aria-busy');
  }
};

if (form && told) {
  shown = address();
  form.addEventListener('input', () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, WAIT_MS);
  });
}
