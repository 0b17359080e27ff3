// What a person keeps in this browser. Each person has a place of their own, for more than one may use it.

// Why something can't be kept, for the person to read.
class StoreProblem extends Error {}

// A list under one key. What is in it may be anybody's, so it is checked whenever it is read.
class StoredList {
  #key;
  #isEntry;
  #entriesMax;

  constructor(key, isEntry, entriesMax) {
    this.#key = key;
    this.#isEntry = isEntry;
    this.#entriesMax = entriesMax;
  }

  static get isAvailable() {
    try {
      window.localStorage.getItem("formation");
      return true;
    } catch (error) {
      return false;
    }
  }

  concerns(event) {
    return event.key === null || event.key === this.#key;
  }

  read() {
    try {
      const found = JSON.parse(window.localStorage.getItem(this.#key));
      return Array.isArray(found) ? found.filter(this.#isEntry).slice(0, this.#entriesMax) : [];
    } catch (error) {
      return [];
    }
  }

  write(entries) {
    try {
      if (entries.length) window.localStorage.setItem(this.#key, JSON.stringify(entries));
      else window.localStorage.removeItem(this.#key);
    } catch (error) {
      throw new StoreProblem(
        "This browser did not keep it: its storage for this site is full or switched off. Nothing was changed.");
    }
  }
}

class SavedQueries {
  static countMax = 50;
  static nameMax = 80;
  static soqlMax = 20_000;

  #list;

  constructor(person) {
    this.#list = new StoredList("formation.saved-queries." + person, SavedQueries.#isEntry, SavedQueries.countMax);
  }

  static #isEntry(entry) {
    return typeof entry?.name === "string" && entry.name !== "" && entry.name.length <= SavedQueries.nameMax
      && typeof entry.soql === "string" && entry.soql.length <= SavedQueries.soqlMax;
  }

  concerns(event) {
    return this.#list.concerns(event);
  }

  // By name.
  all() {
    return this.#list.read().sort((one, other) => one.name.localeCompare(other.name));
  }

  find(name) {
    return this.all().find((entry) => isSameName(entry.name, name)) ?? null;
  }

  // The query that had this name before is replaced, and returned.
  save(name, soql) {
    const entry = { name: cleanName(name), soql };
    if (!entry.name) throw new StoreProblem("Give the query a name.");
    if (entry.name.length > SavedQueries.nameMax) {
      throw new StoreProblem("A name may have up to " + SavedQueries.nameMax + " characters.");
    }
    if (!soql) throw new StoreProblem("There is no query to save.");
    if (soql.length > SavedQueries.soqlMax) {
      const length = counts.format(soql.length);
      const limit = counts.format(SavedQueries.soqlMax);
      throw new StoreProblem("The query has " + length + " characters; up to " + limit + " can be saved.");
    }
    const replaced = this.find(entry.name);
    const others = this.#without(entry.name);
    if (others.length >= SavedQueries.countMax) {
      throw new StoreProblem(SavedQueries.countMax + " queries are saved, and no more fit. Delete one first.");
    }
    this.#list.write([...others, entry]);
    return replaced;
  }

  rename(name, newName) {
    const entry = this.find(name);
    const wanted = cleanName(newName);
    if (!entry) throw new StoreProblem("“" + name + "” is no longer there.");
    if (!wanted) throw new StoreProblem("Give the query a name.");
    if (!isSameName(name, wanted) && this.find(wanted)) {
      throw new StoreProblem("Another query is called “" + wanted + "”.");
    }
    this.#list.write([...this.#without(name), { name: wanted.slice(0, SavedQueries.nameMax), soql: entry.soql }]);
  }

  // The query that was there.
  remove(name) {
    const entry = this.find(name);
    this.#list.write(this.#without(name));
    return entry;
  }

  #without(name) {
    return this.all().filter((entry) => !isSameName(entry.name, name));
  }
}

// The queries that ran last, the newest first.
class RecentQueries {
  static countMax = 10;

  #list;

  constructor(person) {
    const isEntry = (entry) => typeof entry === "string" && entry !== "" && entry.length <= SavedQueries.soqlMax;
    this.#list = new StoredList("formation.recent-queries." + person, isEntry, RecentQueries.countMax);
  }

  concerns(event) {
    return this.#list.concerns(event);
  }

  all() {
    return this.#list.read();
  }

  add(soql) {
    if (soql.length > SavedQueries.soqlMax) return;
    const others = this.all().filter((other) => other !== soql);
    this.#list.write([soql, ...others].slice(0, RecentQueries.countMax));
  }

  replaceAll(queries) {
    this.#list.write(queries);
  }
}

function cleanName(name) {
  return name.trim().replace(/\s+/g, " ");
}

function isSameName(one, other) {
  return cleanName(one).toLowerCase() === cleanName(other).toLowerCase();
}
