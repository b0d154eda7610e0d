// <interhub-events>: what is on, from this hub's node, on any other page.
//
//   <script src="https://hub.example/embed.js" async></script>
//   <interhub-events hub="birmingham" tag="music" limit="5" lang="de"></interhub-events>
//
// Attributes: hub, tag, q, near, within, online, in-place, from, to, language (of the events), limit (1 to 50, else 10), heading, lang
// (of the words, else the page's). Looks: the element's own CSS for font and colour, and ::part(list), ::part(day), ::part(event),
// ::part(title), ::part(when), ::part(place), ::part(host), ::part(cancelled), ::part(note), ::part(more). It sets no cookie,
// sends none, and asks nobody but the node it comes from: allow that origin in script-src and connect-src, and nothing else.
(() => {
  'use strict';
  const origin = new URL(document.currentScript.src).origin;
  const WORDS = {
    en: { cancelled: 'Cancelled', postponed: 'Postponed', none: 'Nothing is planned right now.', failed: 'The events cannot be shown right now.', all: 'All events', online: 'online', old: 'as of', events: 'Events' },
    de: { cancelled: 'Abgesagt', postponed: 'Verschoben', none: 'Zurzeit ist nichts geplant.', failed: 'Die Veranstaltungen lassen sich gerade nicht anzeigen.', all: 'Alle Veranstaltungen', online: 'online', old: 'Stand', events: 'Veranstaltungen' },
    nl: { cancelled: 'Afgelast', postponed: 'Uitgesteld', none: 'Er staat nu niets gepland.', failed: 'De evenementen kunnen nu niet worden getoond.', all: 'Alle evenementen', online: 'online', old: 'stand van', events: 'Evenementen' },
    es: { cancelled: 'Cancelado', postponed: 'Aplazado', none: 'No hay nada previsto por ahora.', failed: 'Ahora no se pueden mostrar los eventos.', all: 'Todos los eventos', online: 'en línea', old: 'datos de las', events: 'Eventos' },
  };
  // Filters that go to the node as they are; `language` is `lang` there, and `in-place` is `in_place`.
  const FILTERS = ['hub', 'tag', 'q', 'near', 'within', 'online', 'in-place', 'from', 'to'];
  const SWITCHES = ['online', 'in-place'];
  const OLD_MS = 60 * 60 * 1000;
  const look = new CSSStyleSheet();
  look.replaceSync(`
    :host { display: block; }
    :host([hidden]) { display: none; }
    ol, ul { list-style: none; margin: 0; padding: 0; }
    li { margin: 0 0 .75em; }
    h2 { font-size: 1.15em; margin: 0 0 .6em; }
    h3 { font-size: 1em; margin: 1em 0 .35em; }
    p { margin: 0; }
    a { color: inherit; text-underline-offset: .15em; }
    .title { font-weight: 600; }
    .small { font-size: .87em; opacity: .85; }
    .word { font-weight: 700; }
    .gone { text-decoration: line-through; }
  `);

  const make = (name, part, text, ...children) => {
    const element = document.createElement(name);
    if (part) element.setAttribute('part', part);
    if (text) element.textContent = text;
    element.append(...children);
    return element;
  };

  const link = (part, text, href) => {
    const element = make('a', part, text);
    element.href = href;
    return element;
  };

  // Wall time as the node gives it, without an offset: shown as it is, in the words of the reader's language.
  const wall = (text) => new Date(text.length > 10 ? `${text}Z` : `${text}T00:00:00Z`);

  class InterhubEvents extends HTMLElement {
    static observedAttributes = [...FILTERS, 'language', 'limit', 'heading', 'lang'];

    #asked = 0;

    connectedCallback() {
      if (!this.shadowRoot) this.attachShadow({ mode: 'open' }).adoptedStyleSheets = [look];
      this.#load();
    }

    attributeChangedCallback() {
      if (this.isConnected && this.shadowRoot) this.#load();
    }

    get #language() {
      const wanted = this.closest('[lang]')?.lang || navigator.language || 'en';
      return wanted.slice(0, 2).toLowerCase() in WORDS ? wanted : 'en';
    }

    get #query() {
      const query = new URLSearchParams();
      for (const name of FILTERS) {
        const value = this.getAttribute(name);
        if (value !== null) query.set(name.replace('-', '_'), value === '' && SWITCHES.includes(name) ? '1' : value);
      }
      if (this.hasAttribute('language')) query.set('lang', this.getAttribute('language'));
      return query;
    }

    async #load() {
      const turn = ++this.#asked;
      const words = WORDS[this.#language.slice(0, 2).toLowerCase()];
      const limit = Math.min(50, Math.max(1, Number.parseInt(this.getAttribute('limit'), 10) || 10));
      const query = this.#query;
      const all = `${origin}/events${query.size ? `?${query}` : ''}`;
      query.set('limit', limit);
      this.setAttribute('aria-busy', 'true');
      let content;
      try {
        const answer = await fetch(`${origin}/api/v1/events?${query}`, { credentials: 'omit', referrerPolicy: 'no-referrer' });
        if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail || answer.status);
        content = this.#list((await answer.json()).events, words);
      } catch (error) {
        console.warn(`interhub-events: ${error.message}`);
        content = [make('p', 'note', words.failed)];
      }
      if (turn !== this.#asked) return;
      const heading = this.getAttribute('heading');
      const more = make('p', 'more', '', link('', words.all, all));
      this.shadowRoot.replaceChildren(...(heading ? [make('h2', 'heading', heading)] : []), ...content, more);
      this.removeAttribute('aria-busy');
    }

    #list(events, words) {
      if (!events.length) return [make('p', 'note', words.none)];
      const locale = this.#language;
      const day = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long', timeZone: 'UTC' });
      const time = new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit', timeZone: 'UTC' });
      const list = make('ol', 'list');
      list.setAttribute('aria-label', this.getAttribute('heading') || words.events);
      let current;
      for (const event of events) {
        const date = event.start.slice(0, 10);
        if (date !== current) {
          current = date;
          list.append(make('li', 'day', '', make('h3', 'date', day.format(wall(date))), make('ol', '')));
        }
        list.lastChild.lastChild.append(this.#event(event, words, day, time));
      }
      return [list];
    }

    // In the reader's language if there is such a title, and the language it is in.
    #title(event) {
      const wanted = this.#language.slice(0, 2).toLowerCase();
      const fits = (tag) => tag.split('-')[0].toLowerCase() === wanted;
      if (fits(event.language)) return [event.title, event.language];
      const found = Object.keys(event.translations || {}).find((tag) => fits(tag) && event.translations[tag].title);
      return found ? [event.translations[found].title, found] : [event.title, event.language];
    }

    #event(event, words, day, time) {
      const cancelled = event.status === 'cancelled';
      const item = make('li', cancelled ? 'event cancelled' : 'event');
      const [text, language] = this.#title(event);
      const title = link('title', text || '–', `${origin}/events/${encodeURIComponent(event.id)}`);
      title.className = cancelled ? 'title gone' : 'title';
      if (language) title.lang = language;
      title.dir = 'auto';
      const head = make('p', '', '', title);
      if (cancelled) {
        const word = make('strong', 'word', event.postponed ? words.postponed : words.cancelled);
        word.className = 'word';
        head.append(' ', word);
      }
      item.append(head);
      const facts = [];
      // The end is exclusive: a whole day ends on the next one.
      const last = new Date(wall(event.end) - (event.all_day ? 86400000 : 1));
      const until = wall(event.start.slice(0, 10)) < last - 86400000 ? ` – ${day.format(last)}` : '';
      if (event.all_day) {
        if (until) facts.push(make('span', 'when', until.slice(1)));
      } else {
        const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
        const zone = here === event.timezone ? '' : ` (${event.timezone.split('/').pop().replaceAll('_', ' ')})`;
        facts.push(make('span', 'when', `${time.format(wall(event.start))}${until || `–${time.format(wall(event.end))}`}${zone}`));
      }
      if (event.location?.name) facts.push(make('span', 'place', event.location.name));
      if (event.online_url) facts.push(make('span', 'online', words.online));
      let host = event.hub_name || event.hub;
      const age = Date.now() - Date.parse(event.as_of);
      if (age > OLD_MS) host += ` (${words.old} ${new Intl.DateTimeFormat(this.#language, { dateStyle: 'short', timeStyle: 'short' }).format(new Date(event.as_of))})`;
      facts.push(make('span', 'host', host));
      const line = make('p', 'facts');
      line.className = 'small';
      facts.forEach((fact, index) => line.append(...(index ? [' · '] : []), fact));
      item.append(line);
      return item;
    }
  }

  if (!customElements.get('interhub-events')) customElements.define('interhub-events', InterhubEvents);
})();
