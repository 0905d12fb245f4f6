// SPDX-License-Identifier: Apache-2.0
//
// Tests wait for what must happen. The deadline is only for what never happens: it is long, and
// reaching it is a failure.

export const DEADLINE_MS = 30_000;

/* The promise's result, or a failure that says what was waited for, and what `explain` knows. */
export async function before(promise, what, explain = () => "") {
    let timer;
    const expired = new Promise((_, reject) => {
        const fail = () => reject(new Error(`waited in vain for ${what}\n${explain()}`));
        timer = setTimeout(fail, DEADLINE_MS);
    });
    try {
        return await Promise.race([promise, expired]);
    } finally {
        clearTimeout(timer);
    }
}

/* A growing list, and promises of what will be in it. */
export class Journal {
    #items = [];
    #waiting = new Set();
    #closed = null;

    get items() {
        return this.#items;
    }

    add(item) {
        this.#items.push(item);
        for (const check of [...this.#waiting]) check();
    }

    /* Nothing more will come: who still waits, waits in vain. */
    close(reason) {
        this.#closed = reason;
        for (const check of [...this.#waiting]) check();
    }

    /* The first item that `matches`, now or later; `from` skips the first items. */
    find(matches, what, from = 0) {
        let check;
        const explain = () => this.#items.map((item) => JSON.stringify(item)).join("\n");
        const found = new Promise((resolve, reject) => {
            check = () => {
                const item = this.#items.slice(from).find(matches);
                if (item !== undefined) resolve(item);
                else if (this.#closed) reject(new Error(`${this.#closed}\n${explain()}`));
            };
            this.#waiting.add(check);
            check();
        });
        return before(found, what, explain).finally(() => this.#waiting.delete(check));
    }
}
