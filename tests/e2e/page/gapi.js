// Replaces https://apis.google.com/js/api.js, which tests can't reach: the parts of
// gapi.iframes that Firebase Authentication and its emulator use, over postMessage.
(() => {
  class Frame {
    #other;
    #handlers = {};
    #replies = {};
    #isOpen;

    constructor(other) {
      this.#other = other;
      this.#isOpen = new Promise((open) => {
        addEventListener("message", ({ source, data }) => {
          if (source !== this.#other() || !data.gapi) return;
          if (data.hello) open();
          else if (data.reply) this.#reply(data);
          else this.#answer(data);
        });
      });
    }

    #post(message) {
      this.#other().postMessage({ gapi: true, ...message }, "*");
    }

    async #answer({ name, id, data }) {
      this.#post({ reply: id, data: await this.#handlers[name]?.(data) });
    }

    // Firebase's own callback throws after it has done its work.
    #reply({ reply, data }) {
      try {
        this.#replies[reply]?.([data]);
      } catch {}
    }

    greet() {
      this.#post({ hello: true });
    }

    register(name, handler) {
      this.#handlers[name] = handler;
    }

    send(name, data, callback) {
      const id = crypto.randomUUID();
      this.#replies[id] = callback;
      this.#post({ name, id, data });
    }

    async restyle() {}

    async ping(callback) {
      await this.#isOpen;
      callback();
    }
  }

  const context = {
    open({ where, url, attributes }, opened) {
      const element = document.createElement("iframe");
      Object.assign(element.style, attributes?.style);
      element.src = url;
      where.append(element);
      return opened(new Frame(() => element.contentWindow));
    },
    getParentIframe() {
      const parent = new Frame(() => window.parent);
      parent.greet();
      return parent;
    },
  };
  window.gapi = {
    load: (_, { callback }) => callback(),
    iframes: { CROSS_ORIGIN_IFRAMES_FILTER: null, Iframe: Frame, getContext: () => context },
  };
  const name = new URL(document.currentScript.src).searchParams.get("onload");
  window[name ?? "gapi_onload"]();
})();
