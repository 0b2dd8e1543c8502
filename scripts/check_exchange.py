"""Checks files of cells with other programs: pyarrow, DuckDB, GDAL (rasterio) and the h3 package.

    python scripts/check_exchange.py TILEFIRE

TILEFIRE is the program. Synthetic points with weights and keys are counted, exported as CSV, Parquet, Arrow, GeoTIFF and
hexagons, and what the other programs read is compared with the CSV, number by number. What is not installed is skipped, and
said so by name. Ends with 1 if something differs.
"""

import csv
import importlib
import random
import subprocess
import sys
import tempfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

ZOOM, STEP, SEED = 9, Decimal("0.01"), 20
# Of the whole world: zoom 9 would be 17 billion pixels to be looked at.
PICTURE_ZOOM = 6
KINDS = ["10", "9", "11", "-2"]


def module(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


class Checks:
    """Counts what was checked, and says what was not."""

    def __init__(self, program):
        self.program, self.done, self.skipped = program, 0, []

    def run(self, *arguments):
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"tilefire {' '.join(map(str, arguments))}: {done.stderr.strip()}")

    def same(self, what, one, other):
        if one != other:
            sys.exit(f"{what}: {str(one)[:300]} is not {str(other)[:300]}")
        self.done += 1
        print(f"same: {what}")

    def skip(self, what, needs):
        self.skipped.append(f"{what} ({needs})")


def points(path, count):
    """Points around some places, with a weight of two decimals on either side of 0 and one of four keys."""
    chance = random.Random(SEED)
    places = [(chance.uniform(-170, 170), chance.uniform(-75, 75), chance.uniform(0.01, 3)) for _ in range(40)]
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["lon", "lat", "load", "kind"])
        for _ in range(count):
            lon, lat, width = chance.choice(places)
            lon, lat = chance.gauss(lon, width), chance.gauss(lat, width)
            out.writerow([f"{lon:.7f}", f"{lat:.7f}", chance.randint(-5000, 9000) * STEP, chance.choice(KINDS)])


def cells(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def tiles(rows):
    """Cells, points and sums of each key and tile."""
    all_tiles = defaultdict(lambda: [0, 0, Decimal(0)])
    for row in rows:
        tile = all_tiles[row.get("key"), int(row["x"]), int(row["y"])]
        tile[0] += 1
        tile[1] += int(row["count"])
        tile[2] += Decimal(row.get("sum", 0))
    return {key: tuple(tile) for key, tile in all_tiles.items()}


def check_pyarrow(checks, name, files, rows):
    arrow = module("pyarrow")
    if arrow is None:
        return checks.skip(f"{name}: Parquet and Arrow", "pyarrow")
    import pyarrow.ipc
    import pyarrow.parquet

    tables = {
        "Parquet": pyarrow.parquet.read_table(files["parquet"]),
        "Arrow": pyarrow.ipc.open_file(files["arrow"]).read_all(),
    }
    sums = "sum" in rows[0]
    for form, table in tables.items():
        checks.same(f"{name}: columns of {form}", table.column_names, list(rows[0]))
        says = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        checks.same(f"{name}: {form} says its zoom", says["tilefire.zoom"], str(ZOOM))
        if sums:
            checks.same(f"{name}: {form} says its step", (says["tilefire.step"], says["tilefire.weight"]), (str(STEP), "load"))
        for column in table.column_names:
            read = table[column].to_pylist()
            text = [row[column] for row in rows]
            if column in ("lon", "lat"):
                text = [float(value) for value in text]
            elif column == "sum":
                read, text = [STEP * value for value in read], [Decimal(value) for value in text]
            elif column not in ("key", "h3"):
                text = [int(value) for value in text]
            checks.same(f"{name}: {column} of {form}", read, text)
    table = tables["Parquet"]
    keys = [column for column in ("key", "x", "y") if column in table.column_names]
    grouped = table.group_by(keys).aggregate([("count", "count"), ("count", "sum")] + ([("sum", "sum")] if sums else []))
    found = {
        (row.get("key"), row["x"], row["y"]): (row["count_count"], row["count_sum"], STEP * row.get("sum_sum", 0))
        for row in grouped.to_pylist()
    }
    checks.same(f"{name}: tiles by pyarrow", found, tiles(rows))


def check_duckdb(checks, name, files, rows):
    duckdb = module("duckdb")
    if duckdb is None:
        return checks.skip(f"{name}: Parquet in SQL", "duckdb")
    sums, keys = "sum" in rows[0], "key" in rows[0]
    query = f"""SELECT {'key' if keys else 'NULL'}, x, y, COUNT(*), SUM(count), {'SUM("sum")' if sums else '0'}
                FROM '{files['parquet']}' GROUP BY 1, 2, 3"""
    found = {
        (key, x, y): (number, int(count), STEP * int(total)) for key, x, y, number, count, total in duckdb.sql(query).fetchall()
    }
    checks.same(f"{name}: tiles by DuckDB", found, tiles(rows))
    whole = duckdb.sql(f"SELECT SUM(count) FROM read_csv('{files['csv']}')").fetchall()[0][0]
    checks.same(f"{name}: the CSV by DuckDB", int(whole), sum(int(row["count"]) for row in rows))


def check_picture(checks, name, path, below, sums):
    """`below`: the cells of each zoom as text, the highest first."""
    rasterio = module("rasterio")
    if rasterio is None:
        return checks.skip(f"{name}: GeoTIFF", "rasterio")
    import numpy
    from rasterio.windows import Window

    half = 20037508.342789244
    with rasterio.open(path) as picture:
        checks.same(f"{name}: system", picture.crs.to_epsg(), 3857)
        checks.same(f"{name}: type", picture.dtypes[0], "float64" if sums else "uint32")
        checks.same(f"{name}: GDAL knows it as cloud-optimised", picture.tags(ns="IMAGE_STRUCTURE").get("LAYOUT"), "COG")
        checks.same(f"{name}: what it shows", picture.descriptions[0], "sum of load" if sums else "count")
        factors = picture.overviews(1)
        checks.same(f"{name}: overviews", factors, [2 << i for i in range(len(factors))])
        checks.same(f"{name}: one fits a block", max(picture.width, picture.height) >> len(factors) <= 514, True)
        side = 2 * half / (256 << PICTURE_ZOOM)
        west, north = (picture.bounds.left + half) / side, (half - picture.bounds.top) / side
        off = max(abs(west - round(west)), abs(north - round(north)))
        checks.same(f"{name}: pixels are those of the zoom", (off < 1e-6, picture.res), (True, (side, side)))
        west, north = round(west), round(north)
        size = (picture.width, picture.height)
    for level, rows in enumerate(below[: len(factors) + 1]):
        with rasterio.open(path, **({"overview_level": level - 1} if level else {})) as picture:
            checks.same(f"{name}: size of level {level}", (picture.width, picture.height), tuple(s >> level for s in size))
            expected = {}
            for row in rows:
                column = 256 * int(row["x"]) + int(row["pixel_x"]) - (west >> level)
                line = 256 * int(row["y"]) + int(row["pixel_y"]) - (north >> level)
                expected[line, column] = float(row["sum"]) if sums else int(row["count"])
            lit, found = 0, {}
            for top in range(0, picture.height, 512):
                for left in range(0, picture.width, 512):
                    window = Window(left, top, min(512, picture.width - left), min(512, picture.height - top))
                    block = picture.read(1, window=window)
                    for line, column in numpy.argwhere(~numpy.isnan(block) if sums else block != 0):
                        found[top + int(line), left + int(column)] = block[line, column].item()
            checks.same(f"{name}: pixels of level {level}", found, expected)
    validate = module("rio_cogeo")
    if validate is None:
        checks.skip(f"{name}: the order of its blocks", "rio-cogeo")
    else:
        valid, errors, warnings = validate.cog_validate(path, strict=True, quiet=True)
        checks.same(f"{name}: valid as cloud-optimised", (valid, errors, warnings), (True, [], []))


def check_hexagons(checks, resolution, rows, hexagons):
    h3 = module("h3")
    if h3 is None:
        return checks.skip(f"hexagons of resolution {resolution}", "h3")
    expected = defaultdict(lambda: [0, Decimal(0)])
    for row in rows:
        cell = expected[row["key"], h3.latlng_to_cell(float(row["lat"]), float(row["lon"]), resolution)]
        cell[0] += int(row["count"])
        cell[1] += Decimal(row["sum"])
    found = {(row["key"], row["h3"]): [int(row["count"]), Decimal(row["sum"])] for row in hexagons}
    checks.same(f"hexagons of resolution {resolution}", found, dict(expected))

    def away(row):
        lat, lon = h3.cell_to_latlng(row["h3"])
        return max(abs(lat - float(row["lat"])), abs(lon - float(row["lon"])))

    checks.same(f"centres of resolution {resolution}", max(map(away, hexagons)) < 1e-9, True)


def check_import(checks, folder, parquet, rows):
    """Cells in any order, the same ones twice: as another program might leave them."""
    arrow = module("pyarrow")
    if arrow is None:
        return checks.skip("cells of another program", "pyarrow")
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(parquet)
    order = list(range(table.num_rows)) * 2
    random.Random(SEED).shuffle(order)
    mixed, counts, again = folder / "mixed.parquet", folder / "mixed.counts", folder / "again.csv"
    pyarrow.parquet.write_table(table.take(order), mixed)
    checks.run("import", mixed, "-o", counts)
    checks.run("export", counts, "-o", again)
    twice = [{**row, "count": str(2 * int(row["count"])), "sum": 2 * Decimal(row["sum"])} for row in rows]
    back = [{**row, "sum": Decimal(row["sum"])} for row in cells(again)]
    checks.same("cells of pyarrow, mixed and twice", back, twice)


def main():
    checks = Checks(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        source = folder / "points.csv"
        points(source, 60_000)
        weight = ["--weight", "load", "--weight-step", STEP]
        sets = {"counts": [], "sums": weight, "sums by key": [*weight, "--by", "kind"]}
        for name, arguments in sets.items():
            counts = folder / f"{name}.counts"
            checks.run("count", source, "-o", counts, "-z", ZOOM, *arguments)
            files = {ending: folder / f"{name}.{ending}" for ending in ("csv", "parquet", "arrow")}
            for file in files.values():
                checks.run("export", counts, "-o", file)
            rows = cells(files["csv"])
            check_pyarrow(checks, name, files, rows)
            check_duckdb(checks, name, files, rows)
            if name == "sums by key":
                for resolution in (3, 6, 9):
                    hexagons = folder / f"hexagons{resolution}.csv"
                    checks.run("export", counts, "-o", hexagons, "--h3", resolution)
                    check_hexagons(checks, resolution, rows, cells(hexagons))
                check_import(checks, folder, files["parquet"], rows)
                continue
            below = []
            for zoom in range(PICTURE_ZOOM, -1, -1):
                lower = folder / "lower.csv"
                checks.run("export", counts, "-o", lower, "--zoom", zoom, "--force")
                below.append(cells(lower))
            picture = folder / f"{name}.tif"
            checks.run("export", counts, "-o", picture, "--zoom", PICTURE_ZOOM)
            check_picture(checks, name, picture, below, name == "sums")
    print(f"{checks.done} checks, all the same")
    for what in checks.skipped:
        print(f"skipped: {what} is not installed")


if __name__ == "__main__":
    main()
