"""Validate an export in KGX TSV with KGX's own validator, against a local Biolink model.

    python -m venv kgx && kgx/bin/pip install kgx
    materia export --format kgx --out graph/
    kgx/bin/python benchmarks/kgx_validate.py graph/ "$MATERIA_DATA/vocabulary/biolink-model.yaml.gz"

The kgx package pins other versions of pyarrow and duckdb than materia does, so it has an environment of its own, and this file
imports nothing of materia. Its toolkit fetches the Biolink model and its prefixes from the web; here both come from the file.
Prints the number of records and of findings by level and kind, with an example of each, as JSON; exit status 1 where there is an
error.
"""

import gzip
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

import yaml
from bmt import Toolkit


def use_local_model(model: Path, folder: Path) -> None:
    """Hand the model to KGX before it is imported, which is when it fetches one."""
    text = gzip.decompress(model.read_bytes()) if model.suffix == ".gz" else model.read_bytes()
    schema, mapping = folder / "biolink-model.yaml", folder / "predicate-mapping.yaml"
    # The classes of attributes stand in a file beside it, and no node or edge is one.
    schema.write_bytes(text.replace(b"\n  - attributes\n", b"\n"))
    mapping.write_text("predicate mappings: []\n", encoding="utf-8")
    Toolkit.__init__.__defaults__ = (str(schema), str(mapping))
    from kgx.config import jsonld_context_map

    # The context that Biolink publishes holds these: its own prefixes, and those of the identifiers that its classes take.
    parsed = yaml.safe_load(text)
    taken = {prefix: "" for class_ in parsed["classes"].values() for prefix in class_.get("id_prefixes", ())}
    jsonld_context_map["biolink"] = taken | parsed["prefixes"]


def main(export: Path, model: Path) -> int:
    """Validate the nodes and edges of a folder."""
    with tempfile.TemporaryDirectory() as folder:
        use_local_model(model, Path(folder))
        from kgx.transformer import Transformer
        from kgx.validator import Validator

        records: Counter[str] = Counter()
        validator = Validator(progress_monitor=lambda kind, _: records.update([kind.name.lower() + "s"]))
        files = [str(path) for path in (export / "materia_nodes.tsv", export / "materia_edges.tsv")]
        Transformer(stream=True).transform(
            {"filename": files, "format": "tsv"}, {"filename": "/dev/null", "format": "null"}, inspector=validator
        )
        found = {
            level: {kind: [sum(map(len, messages.values())), min(messages)] for kind, messages in kinds.items()}
            for level, kinds in validator.get_errors().items()
        }
    print(json.dumps({"records": records, "model": validator.get_validation_model_version(), **found}, indent=1))
    return 1 if found.get("ERROR") else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
