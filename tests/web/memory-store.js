/** In-memory store: every method of `Store`, without its IndexedDB, which only browsers have. */
export class Memory {
  #rooms = { identity: new Map(), state: new Map(), calls: new Map(), contacts: new Map() };

  async get(room, key) {
    return this.#rooms[room].get(key);
  }

  async all(room) {
    return [...this.#rooms[room].values()];
  }

  async put(room, value, key) {
    this.#rooms[room].set(key ?? value.signature, value);
  }

  async add(room, value) {
    if (this.#rooms[room].has(value.signature)) return false;
    await this.put(room, value);
    return true;
  }

  async getOrPut(room, key, value) {
    if (!this.#rooms[room].has(key)) await this.put(room, value, key);
    return this.get(room, key);
  }

  async update(room, key, change) {
    await this.put(room, change(await this.get(room, key)), key);
  }

  async take(room, key) {
    const value = this.#rooms[room].get(key);
    this.#rooms[room].delete(key);
    return value;
  }

  async delete(room, key) {
    this.#rooms[room].delete(key);
  }

  close() {}
}
