#!/usr/bin/env python3
"""Makes node/data/outlines.txt, the outlines on the map, from two files of Natural Earth; see node/data/SOURCES.md.

    scripts/outlines.py ne_50m_land.json ne_50m_admin_0_boundary_lines_land.json > node/data/outlines.txt

A line is a shape: `L` for land (a ring, its last point joins its first) or `B` for a border (open), then longitude and latitude
of its first point, then steps to the next ones, all in hundredths of a degree. A minus needs no space before it.
"""

import heapq
import json
import sys

# Points that span less than this with their neighbours, in square degrees, are left out (Visvalingam and Whyatt, 1993).
LAND_AREA, BORDER_AREA = 0.005, 0.006
# Islands smaller than this are left out, in square degrees of their frame.
SMALLEST = 0.02
# A hundredth of a degree is a kilometre.
UNIT = 100


def weight(lat):
    """Beyond the sixtieth parallel there is much coast, and few people; and a degree of longitude is short."""
    return 0.12 if abs(lat) > 60 else 1


def area(a, b, c):
    return abs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2 * weight(b[1])


def simplified(points, least, keep):
    """Takes out the point that matters least, again and again, until each left matters enough or few are left."""
    count = len(points)
    before, after = list(range(-1, count - 1)), list(range(1, count + 1))
    alive = [True] * count
    spans = {}
    heap = []

    def put(at):
        if before[at] >= 0 and after[at] < count:
            spans[at] = area(points[before[at]], points[at], points[after[at]])
            heapq.heappush(heap, (spans[at], at))

    for at in range(count):
        put(at)
    left = count
    while heap and left > keep:
        span, at = heapq.heappop(heap)
        if not alive[at] or span != spans[at]:
            continue
        if span >= least:
            break
        alive[at] = False
        left -= 1
        after[before[at]], before[after[at]] = after[at], before[at]
        put(before[at])
        put(after[at])
    return [point for at, point in enumerate(points) if alive[at]]


def steps(points):
    whole = []
    for lon, lat in points:
        point = (round(lon * UNIT), round(lat * UNIT))
        if not whole or whole[-1] != point:
            whole.append(point)
    numbers = list(whole[0])
    for (x, y), (next_x, next_y) in zip(whole, whole[1:]):
        numbers += [next_x - x, next_y - y]
    return numbers, len(whole)


def rings(geometry):
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    return [ring for polygon in polygons for ring in polygon]


def lines(geometry):
    return geometry["coordinates"] if geometry["type"] == "MultiLineString" else [geometry["coordinates"]]


def shapes(land, borders):
    for feature in land["features"]:
        for ring in rings(feature["geometry"]):
            xs, ys = [x for x, _ in ring], [y for _, y in ring]
            if max(ys) < -60 or (max(xs) - min(xs)) * (max(ys) - min(ys)) * weight(min(ys)) < SMALLEST:
                continue
            yield "L", simplified(ring, LAND_AREA, 5)[:-1], 3
    for feature in borders["features"]:
        for line in lines(feature["geometry"]):
            yield "B", simplified(line, BORDER_AREA, 2), 2


def main():
    land, borders = (json.load(open(path, encoding="utf-8")) for path in sys.argv[1:3])
    for kind, points, fewest in shapes(land, borders):
        numbers, count = steps(points)
        if count >= fewest:
            print(kind + "".join(f" {number}" if number >= 0 else str(number) for number in numbers))


main()
