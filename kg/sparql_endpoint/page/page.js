// The query page: YASGUI on this server's endpoint, with the project's prefixes and questions. Nothing comes from elsewhere.
"use strict";

/** What the graph says about a thing, from both ends of its statements. */
const about = (iri) => `# What the graph says about one thing.
SELECT ?subject ?predicate ?object WHERE {
  { BIND(<${iri}> AS ?subject) <${iri}> ?predicate ?object }
  UNION
  { BIND(<${iri}> AS ?object) ?subject ?predicate <${iri}> }
} ORDER BY ?predicate ?subject ?object LIMIT 500`;

const curie = (iri, prefixes) => {
  const found = Object.entries(prefixes).find(([, base]) => iri.startsWith(base));
  return found ? `${found[0]}:${iri.slice(found[1].length)}` : iri;
};

/** Teach the editor's grammar the prefixes that the endpoint binds, so that it does not call them undefined. */
function bind(prefixes) {
  const grammar = Yasgui.Yasqe.modes.sparql11;
  Yasgui.Yasqe.defineMode("sparql11", (...words) => {
    const mode = grammar(...words);
    return { ...mode, startState: () => ({ ...mode.startState(), prefixes: { ...prefixes } }) };
  });
}

const state = async () => (await fetch("page.json")).json();

const show = ({ data_version: version, limits }) => {
  document.getElementById("limits").textContent =
    `data ${version}; at most ${limits.seconds} s and ${limits.answer_mib} MiB an answer`;
};

async function start() {
  const now = await state();
  const { prefixes, examples } = now;
  show(now);
  bind(prefixes);
  const endpoint = new URL("sparql", location.href).href;
  const first = examples.length ? examples[0].sparql : "SELECT * WHERE { ?subject ?predicate ?object } LIMIT 10";
  const place = document.getElementById("yasgui");
  const yasgui = new Yasgui(place, {
    requestConfig: { endpoint, method: "POST" },
    copyEndpointOnNewTab: false,
    endpointCatalogueOptions: { getData: () => [] },
    // The completer of prefixes would add PREFIX lines, from a list that is not ours.
    yasqe: { autocompleters: ["variables"], value: first },
    yasr: { prefixes },
  });

  const ask = (name, sparql) => {
    const simple = { selectedPlugin: "table", pluginsConfig: { table: { compact: true } } };
    const tab = yasgui.addTab(true, { name, yasqe: { value: sparql, editorHeight: "190px" }, yasr: { settings: simple } });
    tab.query().catch(() => {}); // the page shows the error
  };
  for (const { question, sparql } of examples) {
    const button = document.createElement("button");
    button.textContent = question;
    button.addEventListener("click", () => ask(question, sparql));
    document.getElementById("examples").appendChild(document.createElement("li")).appendChild(button);
  }
  // A plain click stays in the graph; with Ctrl, or the middle button, it follows the identifier to the web.
  place.addEventListener("click", (event) => {
    const link = event.target.closest("a.iri");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const iri = link.getAttribute("href");
    ask(curie(iri, prefixes), about(iri));
  });
  // A build may have replaced the graph since the page was opened.
  yasgui.on("queryResponse", async () => show(await state()));
}

start();
