#!/usr/bin/env python3
"""Compares rows that tilefire chooses with what pandas and shapely choose of the same files.

    python scripts/check_choice.py PROGRAM DATA        needs pandas and shapely; DATA is a folder of real files

Conditions are compared by the number of points used, areas by the points that shapely finds within the same polygon on the
same grid of integers, borders apart (shapely has no rule for those). Exits with 1 where anything differs."""

import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

program, data = sys.argv[1], Path(sys.argv[2])
failed = 0


def used(name, *flags):
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "r.json"
        run = [program, "render", data / name, "-o", Path(folder) / "t.pmtiles", "-z", "0", "-q", "--backend", "cpu"]
        ran = subprocess.run([*run, "--report", report, *flags], capture_output=True, text=True)
        if ran.returncode != 0:
            return ran.stderr.strip()
        told = json.loads(report.read_text())
        rows = told["used"] + sum(told["left_out"].values()) + told["not_selected"]
        assert rows == told["rows"], told
        return told["used"]


def same(what, ours, theirs):
    global failed
    failed += ours != theirs
    print(f"{'ok  ' if ours == theirs else 'FAIL'} {what}: {ours}, {theirs}")


def table(name, lon, lat, **options):
    rows = pd.read_csv(data / name, **options)
    x, y = pd.to_numeric(rows[lon], errors="coerce"), pd.to_numeric(rows[lat], errors="coerce")
    return rows[x.between(-180, 180) & y.between(-85.0511287798066, 85.0511287798066)]


quakes = table("usgs_earthquakes_month_2025.csv", "longitude", "latitude")
time = pd.to_datetime(quakes["time"], utc=True)
for condition, mask in [
    ("mag < 0", quakes["mag"] < 0),
    ("mag >= 4.5", quakes["mag"] >= 4.5),
    ("depth in 10..50.5", quakes["depth"].between(10, 50.5)),
    ("type = 'quarry blast'", quakes["type"] == "quarry blast"),
    ("type != earthquake", quakes["type"] != "earthquake"),
    ("net in us, ci, 'nc'", quakes["net"].isin(["us", "ci", "nc"])),
    ("nst is missing", quakes["nst"].isna()),
    ("nst is not missing", quakes["nst"].notna()),
    ("time >= 2025-04-20", time >= "2025-04-20T00:00Z"),
    ("time = 2025-04-20", time.dt.strftime("%Y-%m-%d") == "2025-04-20"),
    ("time in 2025-04-15..2025-04-20", time.between("2025-04-15T00:00Z", "2025-04-21T00:00Z", inclusive="left")),
    ("time > 2025-04-20T12", time >= "2025-04-20T13:00Z"),
]:
    same(f"earthquakes, {condition}", used("usgs_earthquakes_month_2025.csv", "--where", condition), int(mask.sum()))

uk = table("uk_accidents_2005_westminster_excerpt.csv", "Longitude", "Latitude", dtype=str)
day = pd.to_datetime(uk["Date"], format="%d/%m/%Y", errors="coerce")
for condition, mask in [
    ("Accident_Severity in 1, 2", uk["Accident_Severity"].isin(["1", "2"])),
    ("Number_of_Casualties > 1", pd.to_numeric(uk["Number_of_Casualties"]) > 1),
    ("Date < 2005-02", day < "2005-02-01"),
    ("Date = 2005", day.dt.year == 2005),
]:
    flags = ["--where", condition, *(["--date-format", "%d/%m/%Y"] if "Date" in condition else [])]
    same(f"accidents, {condition}", used("uk_accidents_2005_westminster_excerpt.csv", *flags), int(mask.sum()))

fires = table("firms_modis_global_24h_2022.csv", "longitude", "latitude")
same(
    "fires, three conditions",
    used("firms_modis_global_24h_2022.csv", "--where", "frp > 20", "--where", "daynight = D", "--where", "confidence in 50..80"),
    int(((fires["frp"] > 20) & (fires["daynight"] == "D") & fires["confidence"].between(50, 80)).sum()),
)


def grid(lon, lat):
    s = np.sin(np.radians(lat))
    return np.floor((lon / 360 + 0.5) * 2**32), np.floor((0.5 - np.log((1 + s) / (1 - s)) / (4 * math.pi)) * 2**32)


def rings(area):
    return [area.exterior, *area.interiors]


def on_grid(area):
    parts = getattr(area, "geoms", [area])
    placed = [[np.column_stack(grid(*np.array(ring.coords).T[:2])) for ring in rings(part)] for part in parts]
    return shapely.union_all([shapely.Polygon(shell, holes) for shell, *holes in placed])


angles = np.linspace(0, 2 * math.pi, 10_000, endpoint=False)
wave = 1 + 0.2 * np.sin(37 * angles) + 0.1 * np.sin(211 * angles)
shapes = {
    "10,000 vertices": shapely.Polygon(np.column_stack([-10 + 60 * wave * np.cos(angles), 10 + 40 * wave * np.sin(angles)])),
    "holes": shapely.box(-120, -40, 60, 60).difference(shapely.box(-20, 0, 30, 20)),
    "both sides of the antimeridian": shapely.MultiPolygon([shapely.box(150, -50, 180, 60), shapely.box(-180, -50, -120, 60)]),
}
for name, lon, lat, rows in [("firms_modis_global_24h_2022.csv", "longitude", "latitude", fires), ("usgs_earthquakes_month_2025.csv", "longitude", "latitude", quakes)]:
    x, y = grid(rows[lon].to_numpy(float), rows[lat].to_numpy(float))
    for what, shape in shapes.items():
        with tempfile.NamedTemporaryFile("w", suffix=".geojson") as file:
            file.write(shapely.to_geojson(shape))
            file.flush()
            placed = on_grid(shapely.from_geojson(shapely.to_geojson(shape)))
            shapely.prepare(placed)
            same(f"{name}, {what}", used(name, "--within", file.name), int(shapely.contains_xy(placed, x, y).sum()))

sys.exit(failed > 0)
