"""Checks of scripts/clients.sh: sets of tilefire in the hands of other programs. Usage: clients.py PROGRAM POINTS FOLDER."""

import http.client
import importlib.util
import json
import shutil
import sqlite3
import subprocess
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore", message="Dataset has no geotransform")
program, points, work = sys.argv[1], sys.argv[2], Path(sys.argv[3])


def ok(what):
    print("ok", what, flush=True)


def check(holds, what):
    if not holds:
        sys.exit(f"does not hold: {what}")


def has(module):
    if importlib.util.find_spec(module):
        return True
    print(f"skipped: {module} is not installed")
    return False


def run(*words):
    ran = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    check(ran.returncode == 0, f"{' '.join(map(str, words))}: {ran.stdout}{ran.stderr}")
    return ran.stdout + ran.stderr


def render(name, *options):
    out = work / name
    shutil.rmtree(out, ignore_errors=True) if out.is_dir() else out.unlink(missing_ok=True)
    run(program, "render", points, "-o", out, "-z", "0..9", "--backend", "cpu", "-q", "--title", "Märkte", *options)
    return out


def files(folder, ending="png"):
    """The tiles of a folder z/x/y: (z, x, y) and bytes."""
    found = {}
    for path in folder.glob(f"[0-9]*/[0-9]*/*.{ending}"):
        z, x, y = path.relative_to(folder).with_suffix("").parts
        found[int(z), int(x), int(y)] = path.read_bytes()
    return found


def rows(path):
    """The tiles of an MBTiles file, rows from the north."""
    with sqlite3.connect(path) as base:
        check(base.execute("pragma integrity_check").fetchone() == ("ok",), "sqlite3's integrity check")
        tiles = base.execute("select zoom_level, tile_column, tile_row, tile_data from tiles").fetchall()
        told = dict(base.execute("select name, value from metadata"))
    return {(z, x, (1 << z) - 1 - y): bytes(data) for z, x, y, data in tiles}, told


class Served:
    """`tilefire serve` on sets, until the end of the block."""

    def __init__(self, *sets):
        self.sets = sets

    def __enter__(self):
        words = [program, "serve", *map(str, self.sets), "--port", "0"]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self.process.stdout:
            if "http://" in line:
                self.address = line.split("http://")[1].split()[0].rstrip("/,")
                return self
        sys.exit("tilefire serve said no address")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


folder, south = render("folder"), render("south", "--scheme", "tms")
archive, base = render("set.pmtiles"), render("set.mbtiles")
tiles = files(folder)
check(len(tiles) > 30, "tiles in the folder")
ok(f"tilefire: {len(tiles)} tiles in a folder")

there, told = rows(base)
check(there == tiles, "MBTiles by sqlite3 has the folder's tiles")
for name in ("name", "format", "bounds", "center", "minzoom", "maxzoom", "type"):
    check(isinstance(told.get(name), str), f"metadata {name} is text")
ok(f"sqlite3 {sqlite3.sqlite_version}: MBTiles, every tile, name '{told['name']}'")

if has("pmtiles"):
    from pmtiles.reader import MmapSource, Reader, all_tiles

    def archived(path):
        with open(path, "rb") as file:
            reader = Reader(MmapSource(file))
            return {tuple(place): data for place, data in all_tiles(reader.get_bytes)}, reader.header(), reader.metadata()

    there, header, metadata = archived(archive)
    check(there == tiles and header["min_zoom"] == 0 and header["max_zoom"] == 9, "PMTiles by Python's pmtiles")
    check(metadata["name"] == "Märkte", "the name of the archive")
    ok("Python pmtiles: every tile of the archive")
    for name in ("converted.mbtiles", "again.pmtiles", "from.pmtiles"):
        (work / name).unlink(missing_ok=True)
    run("pmtiles-convert", archive, work / "converted.mbtiles")
    run("pmtiles-convert", work / "converted.mbtiles", work / "again.pmtiles")
    run("pmtiles-convert", base, work / "from.pmtiles")
    check(rows(work / "converted.mbtiles")[0] == tiles, "PMTiles to MBTiles by pmtiles-convert")
    check(archived(work / "again.pmtiles")[0] == tiles, "and back")
    check(archived(work / "from.pmtiles")[0] == tiles, "MBTiles to PMTiles by pmtiles-convert")
    ok("pmtiles-convert: PMTiles to MBTiles and back, MBTiles to PMTiles")
    with Served(work / "converted.mbtiles", work / "again.pmtiles", work / "from.pmtiles") as server:
        link = http.client.HTTPConnection(server.address)
        for layer in ("converted", "again", "from"):
            for (z, x, y), data in tiles.items():
                link.request("GET", f"/{layer}/{z}/{x}/{y}.png")
                answer = link.getresponse()
                check((answer.status, answer.read()) == (200, data), f"{layer} {z}/{x}/{y} served")
    ok("tilefire serve: every tile of the three converted sets")

if shutil.which("mb-util"):
    for scheme, made in (("xyz", folder), ("tms", south)):
        out = work / f"util-{scheme}"
        shutil.rmtree(out, ignore_errors=True)
        run("mb-util", "--image_format=png", f"--scheme={scheme}", base, out)
        check(files(out) == files(made), f"mb-util --scheme={scheme}")
        back = work / f"util-{scheme}.mbtiles"
        back.unlink(missing_ok=True)
        run("mb-util", "--image_format=png", f"--scheme={scheme}", out, back)
        check(rows(back)[0] == tiles, f"mb-util --scheme={scheme} and back")
    ok("mb-util: MBTiles to folders of either scheme and back")
else:
    print("skipped: mb-util is not installed")

if has("rasterio"):
    import rasterio
    from rasterio.io import MemoryFile
    from rasterio.windows import Window

    def picture(data):
        """The RGBA of a tile, by GDAL."""
        with MemoryFile(data) as file, file.open() as png:
            colours = png.colormap(1)
            return [[colours[index] for index in row] for row in png.read(1)]

    (z, x, y), data = max(((place, data) for place, data in tiles.items() if place[0] == 9), key=lambda tile: len(tile[1]))
    expected = picture(data)

    def same(opened, window, what):
        bands = opened.read(window=window)
        for row in range(256):
            for column in range(256):
                pixel = tuple(int(band[row][column]) for band in bands)
                wanted = expected[row][column]
                check(pixel == wanted or pixel[3] == wanted[3] == 0, f"{what}: {pixel} for {wanted}")

    with rasterio.open(base) as opened:
        check(opened.count == 4 and opened.crs.to_epsg() == 3857, "GDAL knows what the MBTiles file is")
        # The tile's corner in the file's own pixels, whose first GDAL puts at the file's bounds, off by a part of a pixel.
        side = 2 * 20037508.342789244 / (1 << 9)
        left, top, pixel = opened.transform.c, opened.transform.f, side / 256
        column = round((-20037508.342789244 + x * side - left) / pixel)
        row = round((top - 20037508.342789244 + y * side) / pixel)
        same(opened, Window(column, row, 256, 256), "GDAL's MBTiles")
    ok(f"GDAL {rasterio.__gdal_version__}: MBTiles, pixels of 9/{x}/{y}")
    with Served(folder, archive, south, base) as server:
        for layer in ("folder", "set", "south", "set-2"):
            xml = f"""<GDAL_WMS><Service name="TMS"><ServerUrl>http://{server.address}/{layer}/${{z}}/${{x}}/${{y}}.png</ServerUrl></Service>
                <DataWindow><UpperLeftX>-20037508.342789244</UpperLeftX><UpperLeftY>20037508.342789244</UpperLeftY>
                <LowerRightX>20037508.342789244</LowerRightX><LowerRightY>-20037508.342789244</LowerRightY>
                <TileLevel>9</TileLevel><TileCountX>1</TileCountX><TileCountY>1</TileCountY><YOrigin>top</YOrigin></DataWindow>
                <Projection>EPSG:3857</Projection><BlockSizeX>256</BlockSizeX><BlockSizeY>256</BlockSizeY><BandsCount>4</BandsCount>
                <ZeroBlockHttpCodes>204,404</ZeroBlockHttpCodes></GDAL_WMS>"""
            with rasterio.open(xml) as opened:
                same(opened, Window(x * 256, y * 256, 256, 256), f"GDAL's TMS driver on {layer}")
                empty = opened.read(window=Window(0, 0, 256, 256))
                check(not empty.any(), "no tile is nothing")
    ok("GDAL: its TMS driver on tilefire serve, of a folder, one from the south, PMTiles and MBTiles")

with Served(folder, south) as server:
    link = http.client.HTTPConnection(server.address)
    headers = {"User-Agent": "Mozilla/5.0 QGIS/33415", "Accept": "*/*", "Connection": "Keep-Alive"}
    for layer in ("folder", "south"):
        for (z, x, y), data in tiles.items():
            link.request("GET", f"/{layer}/{z}/{x}/{y}.png", headers=headers)
            answer = link.getresponse()
            check((answer.status, answer.read(), answer.getheader("content-type")) == (200, data, "image/png"), "a tile")
    link.request("GET", "/folder/0/0/0.png", headers=headers)
    etag = link.getresponse()
    etag.read()
    link.request("GET", "/folder/0/0/0.png", headers={**headers, "If-None-Match": etag.getheader("etag")})
    answer = link.getresponse()
    check((answer.status, answer.read()) == (304, b""), "a tile that it has")
    link.request("GET", "/folder.json", headers=headers)
    about = json.loads(link.getresponse().read())
    check((about["minzoom"], about["maxzoom"], about["tileSize"]) == (0, 9, 256), "the TileJSON")
ok("requests as QGIS makes them, over one connection: tiles, 304, TileJSON")
# Its {-y}, on a folder whose rows count from the south, as any file server has it.
for (z, x, y), data in tiles.items():
    check((south / f"{z}/{x}/{(1 << z) - 1 - y}.png").read_bytes() == data, "a row from the south")
ok("QGIS's {-y}: every tile of the folder from the south")
