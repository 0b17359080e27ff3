// The saved and the recent queries beside the query's field.
class Shelf {
  #saved;
  #recent;
  #editor;
  #openedName = "";
  #undo = null;
  #elements = {};

  // editor: text(), the query as it stands; run(soql), which puts one there and runs it.
  constructor(person, editor) {
    this.#saved = new SavedQueries(person);
    this.#recent = new RecentQueries(person);
    this.#editor = editor;
    for (const id of [
      "save-open", "save-form", "save-name", "save-cancel", "save-problem", "shelf", "shelf-status", "shelf-undo",
      "saved", "saved-count", "saved-none", "saved-list", "recent", "recent-list", "recent-clear", "shelf-unavailable",
    ]) this.#elements[id] = document.getElementById(id);
    if (StoredList.isAvailable) this.#listen();
    else this.#giveUp();
  }

  // Called with each query that ran.
  ran(soql) {
    if (!StoredList.isAvailable) return;
    try {
      this.#recent.add(soql);
      this.#showRecent();
    } catch (problem) {
      // Nobody asked for it to be kept.
      if (!(problem instanceof StoreProblem)) throw problem;
    }
  }

  // Called with the name of the query that is in the editor now, which saving it again then suggests.
  opened(name) {
    this.#openedName = name;
    if (this.#elements["save-form"].hidden) return;
    this.#elements["save-name"].value = name;
  }

  #giveUp() {
    this.#elements["save-open"].hidden = true;
    this.#elements.saved.hidden = true;
    this.#elements["shelf-unavailable"].hidden = false;
  }

  #listen() {
    const { saved, recent } = this.#elements;
    // Where the lists stand beside the field they cost no room; above the rows they would.
    saved.open = recent.open = window.matchMedia("(min-width: 60rem)").matches;
    this.#elements["save-open"].addEventListener("click", () => this.#toggleForm());
    this.#elements["save-cancel"].addEventListener("click", () => this.#closeForm());
    this.#elements["save-form"].addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
    this.#elements["save-form"].addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#closeForm();
    });
    this.#elements["shelf-undo"].addEventListener("click", () => this.#takeBack());
    this.#elements["recent-clear"].addEventListener("click", () => this.#clearRecent());
    // Another tab changed something.
    window.addEventListener("storage", (event) => {
      if (this.#saved.concerns(event)) this.#showSaved();
      if (this.#recent.concerns(event)) this.#showRecent();
    });
    this.#showSaved();
    this.#showRecent();
  }

  // MARK: Saving

  #toggleForm() {
    if (!this.#elements["save-form"].hidden) return this.#closeForm();
    this.#elements["save-form"].hidden = false;
    this.#elements["save-open"].setAttribute("aria-expanded", "true");
    this.#elements["save-name"].value = this.#openedName;
    this.#elements["save-name"].select();
    this.#elements["save-name"].focus();
  }

  #closeForm() {
    this.#elements["save-form"].hidden = true;
    this.#elements["save-problem"].textContent = "";
    this.#elements["save-name"].removeAttribute("aria-invalid");
    this.#elements["save-open"].setAttribute("aria-expanded", "false");
    this.#elements["save-open"].focus();
  }

  #save() {
    const name = cleanName(this.#elements["save-name"].value);
    const replaced = this.#tried(this.#elements["save-problem"], () => this.#saved.save(name, this.#editor.text()));
    if (replaced === undefined) {
      this.#elements["save-name"].setAttribute("aria-invalid", "true");
      this.#elements["save-name"].focus();
      return;
    }
    this.#openedName = name;
    this.#closeForm();
    this.#elements.saved.open = true;
    this.#showSaved();
    if (!replaced) return this.#say("“" + name + "” is saved.");
    this.#say("“" + name + "” is saved, in place of the query that had this name.", () => {
      this.#saved.remove(name);
      this.#saved.save(replaced.name, replaced.soql);
      return replaced.name;
    });
  }

  // MARK: Saved queries

  #showSaved() {
    const entries = this.#saved.all();
    this.#elements["saved-count"].textContent = entries.length ? " (" + entries.length + ")" : "";
    this.#elements["saved-none"].hidden = entries.length > 0;
    this.#elements["saved-list"].replaceChildren(...entries.map((entry) => this.#item(entry)));
  }

  #item(entry) {
    const open = linkButton(entry.name, () => {
      this.opened(entry.name);
      this.#editor.run(entry.soql);
    });
    open.title = entry.soql;
    const item = make("li", {});
    const rename = linkButton("Rename", () => this.#rename(item, entry));
    rename.setAttribute("aria-label", "Rename " + entry.name);
    const remove = linkButton("Delete", () => this.#remove(entry));
    remove.setAttribute("aria-label", "Delete " + entry.name);
    item.append(open, make("span", { className: "item-tools" }, rename, remove));
    return item;
  }

  // The item becomes a form for its name.
  #rename(item, entry) {
    const field = make("input", {
      type: "text", value: entry.name, maxLength: SavedQueries.nameMax, required: true, autocomplete: "off",
    });
    field.setAttribute("aria-label", "New name of " + entry.name);
    const problem = make("p", { className: "field-error", role: "alert" });
    const done = make("button", { className: "link", textContent: "Save" });
    const form = make("form", { className: "rename" }, field, done);
    const leave = (name) => {
      this.#showSaved();
      this.#focusOn(name);
    };
    form.append(linkButton("Cancel", () => leave(entry.name)), problem);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const name = cleanName(field.value);
      const isRenamed = this.#tried(problem, () => this.#saved.rename(entry.name, name) ?? true);
      if (!isRenamed) return field.focus();
      if (this.#openedName === entry.name) this.#openedName = name;
      leave(name);
      this.#say("“" + entry.name + "” is now called “" + name + "”.");
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") leave(entry.name);
    });
    item.replaceChildren(form);
    field.select();
    field.focus();
  }

  #remove(entry) {
    const removed = this.#tried(this.#elements["shelf-status"], () => this.#saved.remove(entry.name) ?? entry);
    if (!removed) return;
    this.#showSaved();
    this.#say("“" + entry.name + "” is deleted.", () => {
      this.#saved.save(removed.name, removed.soql);
      return removed.name;
    });
    this.#elements["shelf-undo"].focus();
  }

  #focusOn(name) {
    const buttons = [...this.#elements["saved-list"].querySelectorAll("li > button")];
    (buttons.find((button) => button.textContent === name) ?? this.#elements["save-open"]).focus();
  }

  // MARK: Recent queries

  #showRecent() {
    const queries = this.#recent.all();
    this.#elements.recent.hidden = queries.length === 0;
    this.#elements["recent-list"].replaceChildren(...queries.map((soql) => {
      const open = linkButton(soql.replace(/\s+/g, " "), () => {
        this.opened("");
        this.#editor.run(soql);
      });
      open.title = soql;
      return make("li", {}, open);
    }));
  }

  #clearRecent() {
    const queries = this.#recent.all();
    this.#recent.replaceAll([]);
    this.#showRecent();
    this.#say("The recent queries are cleared.", () => {
      this.#recent.replaceAll(queries);
      return null;
    });
    this.#elements["shelf-undo"].focus();
  }

  // MARK: What was done

  // undo: takes it back, and returns the name of the query that it brings back.
  #say(text, undo = null) {
    this.#undo = undo;
    this.#elements["shelf-status"].textContent = text;
    this.#elements["shelf-undo"].hidden = undo === null;
  }

  #takeBack() {
    const undo = this.#undo;
    const name = this.#tried(this.#elements["shelf-status"], undo);
    if (name === undefined) return;
    this.#showSaved();
    this.#showRecent();
    this.#say(name === null ? "The recent queries are back." : "“" + name + "” is back.");
    this.#focusOn(name);
  }

  // What the work returns; undefined where it could not be done, which is then said in an element.
  #tried(place, work) {
    try {
      return work();
    } catch (problem) {
      if (!(problem instanceof StoreProblem)) throw problem;
      place.textContent = problem.message;
      return undefined;
    }
  }
}
