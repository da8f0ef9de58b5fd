{
  const $ = (id) => document.getElementById(id);
  const report = JSON.parse($("report-data").textContent);
  const PER_PAGE = { cards: 20, thumbs: 30 };

  // --- what is known of images ----------------------------------------------------------------

  function unpack(name) {
    const { type, base64 } = report[name];
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return new { Uint16Array, Uint32Array, Float32Array }[type](bytes.buffer);
  }

  const [label, second, confidence, neighbors] =
    ["label", "second", "confidence", "neighbors"].map(unpack);
  const { clusters, files } = report;
  const perImage = neighbors.length / report.count;
  const everyImage = Array.from({ length: report.count }, (_, i) => i);

  const fileOf = (i) => (files ? files.names[i] : `image ${i}`);
  const neighborsOf = (i) => [...neighbors.subarray(i * perImage, (i + 1) * perImage)];
  const groupOf = (i) => leads[label[i]];
  const grouped = (number) => number.toLocaleString("en");
  const count = (number, what) => `${grouped(number)} ${what}${number === 1 ? "" : "s"}`;
  const percent = (share) => `${Math.round(100 * share)} %`;
  const sure = (value) => (value > 0.995 ? ">0.99" : value.toFixed(2));

  function linkOf(i) {
    if (!files || files.link === null || files.links[i] === null) return null;
    const way = files.names[i].split("/").map(encodeURIComponent).join("/");
    return files.link + (files.links[i] ?? way);
  }

  // --- names of clusters: those with the same name are one group, known by its lead ------------

  const key = `skdeepcluster-report-${report.id}`;
  const stored = storedNames() ?? { names: clusters.map(({ name }) => name), former: {}, isSaved: true };
  // The names of clusters, and those that clusters had before they were merged into others.
  const { names, former } = stored;
  let { isSaved } = stored;
  let leads = [];
  let isStored = true;

  const nameOf = (c) => names[c] || `Cluster ${c}`;
  const isNamed = (c) => nameOf(c) !== `Cluster ${c}`;
  const labelOf = (c) => (isNamed(c) ? `${c} · ${nameOf(c)}` : nameOf(c));
  const groups = () => leads.filter((lead, c) => lead === c);
  const oneWith = (c) => clusters.flatMap((_, other) => (leads[other] === leads[c] ? [other] : []));

  function storedNames() {
    try {
      const found = JSON.parse(localStorage.getItem(key));
      const isWhole = found.names.length === clusters.length
        && [...found.names, ...Object.values(found.former)].every((name) => typeof name === "string");
      return isWhole ? found : null;
    } catch {
      return null;
    }
  }

  function storeNames() {
    try {
      localStorage.setItem(key, JSON.stringify({ names, former, isSaved }));
    } catch {
      isStored = false;
    }
  }

  function findLeads() {
    const found = new Map();
    names.forEach((_, c) => {
      if (!found.has(nameOf(c)) || !isNamed(c)) found.set(nameOf(c), c);
    });
    leads = names.map((_, c) => found.get(nameOf(c)));
  }

  function rename(c, text) {
    const name = text.trim().replace(/\s+/g, " ").normalize();
    for (const other of oneWith(c)) names[other] = name || `Cluster ${leads[c]}`;
    namesChanged();
  }

  /** Whether a cluster can leave those that it is one with: the one that gives the name cannot. */
  const canLeave = (c) => oneWith(c).length > 1 && isNamed(c);

  function merge(c, target) {
    if (target === "") {
      // What was merged by hand has its name again; but not where that is the one to be left.
      names[c] = former[c] === nameOf(c) ? "" : former[c] ?? "";
      delete former[c];
    } else {
      // What came to this one goes with it, but not what this one was merged into.
      const moved = c in former ? [c] : oneWith(c);
      for (const other of moved) former[other] ??= names[other];
      for (const other of moved) names[other] = nameOf(Number(target));
    }
    namesChanged();
  }

  function namesChanged() {
    isSaved = false;
    storeNames();
    showNames();
    map.draw();
  }

  function saveNames() {
    download("names.csv", [["cluster", "name"], ...names.map((_, c) => [c, nameOf(c)])]);
    isSaved = true;
    storeNames();
    showNames();
  }

  // --- elements; what comes from data only ever becomes text -----------------------------------

  function element(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  const quiet = (textContent) => element("span", { className: "quiet", textContent });
  const badge = () => element("span", { className: "badge", textContent: "doubtful" });
  const inList = (items) => items.map((item) => element("li", {}, item));

  function button(text, action) {
    const made = element("button", { type: "button", textContent: text });
    made.addEventListener("click", action);
    return made;
  }

  function colour(target, c) {
    target.style.setProperty("--c", `var(--c${leads[c] % N_COLOURS})`);
  }

  /** The name of a cluster beside its colour, kept up to date by `showNames`; or another text. */
  function labelled(c, text) {
    const made = element("span", { className: "label", textContent: text ?? labelOf(c) });
    made.dataset.cluster = c;
    if (text) made.dataset.fixed = "";
    colour(made, c);
    return made;
  }

  function blank(i) {
    const made = element("span", { className: "blank", role: "img", ariaLabel: fileOf(i) });
    colour(made, label[i]);
    return made;
  }

  /** The thumbnail or, if it may be loaded, the file itself; else a square of the cluster's colour. */
  function picture(i, mayLoad = true) {
    const own = report.thumbnails[i];
    const source = own ? `data:image/webp;base64,${own}` : mayLoad && linkOf(i);
    if (!source) return blank(i);
    const image = element("img", { alt: fileOf(i), loading: own ? "eager" : "lazy" });
    image.addEventListener("error", () => image.replaceWith(blank(i)));
    image.src = source;
    return image;
  }

  function thumb(i, { mayLoad = true, withCluster = true } = {}) {
    const made = button("", () => neighbours.open(i));
    Object.assign(made, { className: "thumb", title: fileOf(i) });
    const cluster = withCluster ? [labelled(label[i], `${label[i]}`), " "] : [];
    made.append(picture(i, mayLoad), element("span", {}, ...cluster, sure(confidence[i])));
    return made;
  }

  function thumbs(rows, options) {
    const items = inList(rows.map((i) => thumb(i, options)));
    return element("ul", { className: "thumbs" }, ...items);
  }

  /** A list of which one page is shown at a time. */
  class Pages {
    constructor(list, size, render, shown = () => {}) {
      Object.assign(this, { list, size, render, shown, items: [], start: 0 });
      this.where = element("span", { ariaLive: "polite" });
      this.back = button("Previous", () => this.turnTo(this.start - size));
      this.next = button("Next", () => this.turnTo(this.start + size));
      this.bar = element("div", { className: "pager" }, this.back, this.where, this.next);
      list.after(this.bar);
      this.bar.hidden = true;
    }

    turnTo(start) {
      if (start < 0 || start >= this.items.length) return;
      this.show(this.items, start);
      this.list.scrollIntoView({ block: "nearest" });
    }

    show(items, start = 0) {
      Object.assign(this, { items, start });
      const end = Math.min(start + this.size, items.length);
      this.list.replaceChildren(...inList(items.slice(start, end).map((item) => this.render(item))));
      this.where.textContent = `${start + 1}–${end} of ${grouped(items.length)}`;
      this.back.ariaDisabled = String(start === 0);
      this.next.ariaDisabled = String(end === items.length);
      this.bar.hidden = items.length <= this.size;
      this.shown();
    }
  }

  function download(name, rows) {
    const cell = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const lines = rows.map((row) => `${row.map((value) => cell(`${value}`)).join(",")}\r\n`);
    // By the byte order mark, spreadsheets know that this is UTF-8.
    const url = URL.createObjectURL(new Blob(["\ufeff", ...lines], { type: "text/csv" }));
    element("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  // --- sizes ------------------------------------------------------------------------------------

  function measure(className, share, text) {
    const fill = element("span", { className: "fill" });
    fill.style.width = percent(share).replace(" ", "");
    const value = element("span", { className: "value", textContent: text });
    const track = element("span", { className: "track" }, fill);
    return element("td", { className },
      element("div", { className: "measure" }, track, value));
  }

  function sizeRow(c, largest) {
    const { size, confidence: mean, doubtful } = clusters[c];
    const head = element("div", { className: "row" }, labelled(c), ...(doubtful ? [badge()] : []));
    return element("tr", { className: doubtful ? "doubtful" : "" },
      element("th", { scope: "row" }, head),
      measure("size", size / largest, grouped(size)),
      size ? measure("confidence", mean, sure(mean)) : element("td", {}, "no members"));
  }

  function showSizes() {
    const largest = Math.max(...clusters.map(({ size }) => size));
    $("size-rows").append(...clusters.map((_, c) => sizeRow(c, largest)));
  }

  // --- clusters, and pairs of them --------------------------------------------------------------

  function field(tag, text, c, action) {
    const made = element(tag, { id: `${tag}-${c}`, ariaLabel: `${text}: cluster ${c}` });
    made.dataset.of = c;
    made.addEventListener("change", () => action(c, made.value));
    return element("label", { textContent: text }, made);
  }

  /** Choosing does not merge: arrow keys choose one after the other. */
  function mergeButton(c) {
    const made = button("", () => {
      if (made.ariaDisabled !== "true") merge(c, $(`select-${c}`).value);
    });
    made.className = "merge";
    return made;
  }

  function showMergeButton(c) {
    const { value } = $(`select-${c}`);
    const made = $(`cluster-${c}`).querySelector(".merge");
    made.textContent = value === "" && canLeave(c) ? "Take out" : "Merge";
    made.ariaLabel = `${made.textContent} cluster ${c}`;
    made.ariaDisabled = String(value === "" ? !canLeave(c) : Number(value) === leads[c]);
  }

  function members(title, rows) {
    return element("div", {}, element("h4", { textContent: title }),
      thumbs(rows, { mayLoad: false, withCluster: false }));
  }

  function card(c) {
    const { size, confidence: mean, trust, doubtful, certain, least } = clusters[c];
    const facts = [count(size, "image"), `mean confidence ${sure(mean)}`];
    if (trust !== null) facts.push(`views agree ${percent(trust)}`);
    const head = element("div", { className: "row" },
      element("h3", { tabIndex: -1 }, labelled(c)),
      quiet(facts.join(" · ")),
      ...(doubtful ? [badge()] : []),
      element("span", { className: "quiet same" }));
    const tools = element("div", { className: "row card-tools" },
      field("input", "Name", c, rename), field("select", "Merge into", c, showMergeButton),
      mergeButton(c), button(`Show all ${grouped(size)}`, () => selectCluster(c)));
    return element("article", { id: `cluster-${c}`, className: doubtful ? "doubtful" : "" },
      element("div", { className: "row card-head" }, head, tools),
      element("div", { className: "members" }, members("Most certain", certain),
        ...(least.length ? [members("Most doubtful", least)] : [])));
  }

  function goTo(c) {
    const place = cards.items.indexOf(c);
    cards.show(cards.items, place - (place % cards.size));
    $(`cluster-${c}`).scrollIntoView();
    $(`cluster-${c}`).querySelector("h3").focus({ preventScroll: true });
  }

  function pairCard({ a, b, a_to_b: toB, b_to_a: toA, between }) {
    const text = `Members of ${a} give ${percent(toB)} of their probability to ${b}, members of `
      + `${b} give ${percent(toA)} to ${a}.`;
    const title = element("h3", {}, labelled(a), " and ", labelled(b));
    return element("article", {},
      element("div", { className: "row card-head" }, title, quiet(text)),
      thumbs(between, { mayLoad: false }));
  }

  function suggestion(i) {
    return element("div", { className: "row" }, thumb(i, { mayLoad: false }), quiet(fileOf(i)));
  }

  // --- what shows names, brought up to date -----------------------------------------------------

  function choices(c) {
    const own = canLeave(c) ? "– take out again –" : "– not merged –";
    const others = groups().filter((other) => other !== c);
    const option = (other) => new Option(labelOf(other), other, false, other === leads[c]);
    return [new Option(own, ""), ...others.map(option)];
  }

  function showFields(article, c) {
    const others = oneWith(c).filter((other) => other !== c);
    const [input, select] = article.querySelectorAll("[data-of]");
    Object.assign(input, { value: isNamed(c) ? nameOf(c) : "", placeholder: `Cluster ${c}` });
    Object.assign(input, { maxLength: 80, autocomplete: "off" });  // folders: 255 bytes
    select.replaceChildren(...choices(c));
    showMergeButton(c);
    article.querySelector(".same").textContent = others.length ? `one with ${others.join(", ")}` : "";
  }

  function showNames() {
    findLeads();
    for (const made of document.querySelectorAll("[data-cluster]")) {
      const c = Number(made.dataset.cluster);
      colour(made, c);
      if (made.dataset.fixed === undefined) made.textContent = labelOf(c);
    }
    for (const input of document.querySelectorAll("input[data-of]")) {
      showFields(input.closest("article"), Number(input.dataset.of));
    }
    const chosen = leads[$("cluster-choice").value];
    const options = groups().map((c) => new Option(labelOf(c), c, false, c === chosen));
    $("cluster-choice").replaceChildren(...options);
    $("names-status").textContent = namesText();
    showSelection();
  }

  function namesText() {
    const named = groups().filter(isNamed).length;
    const merged = clusters.length - groups().length;
    const parts = [`${count(groups().length, "cluster")}${merged ? " after merging" : ""}`];
    if (named) parts.push(`${named} named`);
    if (!isSaved) parts.push(isStored ? "not saved yet" : "lost on closing unless saved");
    return parts.join(", ");
  }

  // --- map and selection --------------------------------------------------------------------------

  let selection = new Set();

  function select(rows) {
    selection = new Set(rows);
    for (const id of ["save-selection", "clear-selection"]) $(id).hidden = !rows.length;
    showSelection();
    selected.show(rows);
    map.draw();
  }

  function showSelection() {
    const rows = [...selection];
    $("selection-status").textContent = rows.length
      ? `${count(rows.length, "image")} selected: ${byCluster(rows)}.` : "Nothing is selected.";
  }

  function byCluster(rows) {
    const sizes = new Map();
    for (const i of rows) sizes.set(groupOf(i), (sizes.get(groupOf(i)) ?? 0) + 1);
    const parts = [...sizes].sort((a, b) => b[1] - a[1])
      .map(([c, size]) => `${grouped(size)} in ${nameOf(c)}`);
    return parts.length > 5 ? `${parts.slice(0, 4).join(", ")} and others` : parts.join(", ");
  }

  function selectCluster(c) {
    select(everyImage.filter((i) => groupOf(i) === leads[c]));
    $("selection-title").focus();
  }

  function saveSelection() {
    const file = (i) => (files ? files.own[i] ?? files.folder + fileOf(i) : "");
    const row = (i) => [i, file(i), label[i], nameOf(label[i]), confidence[i].toFixed(4)];
    const header = ["image", "file", "cluster", "name", "confidence"];
    download("selection.csv", [header, ...[...selection].map(row)]);
  }

  function hoverText(i) {
    const text = element("div", {}, element("div", { textContent: fileOf(i) }),
      element("div", {}, labelled(label[i])), `confidence ${sure(confidence[i])}`);
    return element("div", { className: "row" }, picture(i), text);
  }

  // --- nearest neighbours ---------------------------------------------------------------------------

  const neighbours = {
    trail: [],

    open(i) {
      this.trail.push(i);
      this.show();
      if (!$("neighbours").open) $("neighbours").showModal();
      $("neighbours-title").focus();
    },

    back() {
      this.trail.pop();
      this.show();
      $("neighbours-title").focus();
    },

    show() {
      const i = this.trail.at(-1);
      const rows = neighborsOf(i);
      const same = rows.filter((row) => groupOf(row) === groupOf(i)).length;
      $("neighbours-title").textContent = fileOf(i);
      $("neighbours-back").hidden = this.trail.length < 2;
      $("neighbours-image").replaceChildren(picture(i), this.facts(i));
      $("neighbours-text").textContent = `${same} of ${rows.length} are in the same cluster.`;
      $("neighbours-thumbs").replaceChildren(...inList(rows.map((row) => thumb(row))));
    },

    facts(i) {
      const lines = [[labelled(label[i])], [`Confidence ${sure(confidence[i])}`]];
      if (clusters.length > 1) lines.push(["Next likely: ", labelled(second[i])]);
      const link = { href: linkOf(i), target: "_blank", rel: "noopener", textContent: "Open the file" };
      if (link.href) lines.push([element("a", link)]);
      return element("div", {}, ...lines.map((line) => element("p", {}, ...line)));
    },
  };

  // --- search -----------------------------------------------------------------------------------------

  // Names that look the same are the same: systems write accents and spaces in several ways.
  const searched = (text) => text.normalize("NFKC").replace(/\s+/g, " ").toLowerCase();
  const lowered = everyImage.map((i) => searched(fileOf(i)));

  function search() {
    const text = searched($("search-text").value).trim();
    const rows = text ? everyImage.filter((i) => lowered[i].includes(text)) : [];
    found.show(rows);
    $("search-status").textContent = text ? `${count(rows.length, "image")} found` : "";
  }

  // --- start --------------------------------------------------------------------------------------------

  findLeads();
  document.body.classList.toggle("tiny", report.side < 48);
  const cards = new Pages($("cards"), PER_PAGE.cards, card, showNames);
  const selected = new Pages($("selection-thumbs"), PER_PAGE.thumbs, (i) => thumb(i));
  const found = new Pages($("search-thumbs"), PER_PAGE.thumbs, (i) => thumb(i));
  const map = new EmbeddingMap($("map-box"), unpack("x"), unpack("y"), {
    group: groupOf,
    text: (c) => (isNamed(c) ? nameOf(c).slice(0, 24) : `${c}`),
    hasSelection: () => selection.size > 0,
    isSelected: (i) => selection.has(i),
    describe: hoverText,
    choose: (i) => neighbours.open(i),
    select,
  });

  showSizes();
  $("pair-cards").append(...inList(report.pairs.map(pairCard)));
  $("suggestions").append(...inList(report.suggested.map(suggestion)));
  cards.show(clusters.flatMap(({ size }, c) => (size ? [c] : [])));

  const on = (id, type, action) => $(id).addEventListener(type, action);
  for (const link of document.querySelectorAll("a.label")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      goTo(Number(link.dataset.cluster));
    });
  }
  on("save-names", "click", saveNames);
  on("select-cluster", "click", () => selectCluster($("cluster-choice").value));
  on("touch-lasso", "change", () => map.lasso.classList.toggle("drawn-by-touch"));
  on("save-selection", "click", saveSelection);
  on("clear-selection", "click", () => {
    select([]);
    $("selection-title").focus();
  });
  on("neighbours-back", "click", () => neighbours.back());
  on("neighbours-close", "click", () => $("neighbours").close());
  on("neighbours", "close", () => neighbours.trail.splice(0));
  on("search-text", "input", search);
  on("search-form", "submit", (event) => event.preventDefault());
}
