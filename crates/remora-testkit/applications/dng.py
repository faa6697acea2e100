"""Writes a raw photograph, as a camera with a Bayer filter would: uncompressed, 14 bits, in Adobe's DNG."""

import struct
import sys

WIDTH, HEIGHT = 320, 240
BLACK, WHITE = 512, 16383
BYTE, ASCII, SHORT, LONG, RATIONAL, SRATIONAL = 1, 2, 3, 4, 5, 10


def photograph():
    """Colour gradients with edges and noise, a highlight that is clipped, and a dark corner: red, green, green, blue."""
    noise, pixels = 12345, []
    for y in range(HEIGHT):
        for x in range(WIDTH):
            noise = (noise * 1103515245 + 12345) & 0x7FFFFFFF
            colour = (y & 1) + (x & 1)
            light = (0.2 + x / WIDTH, 0.3 + y / HEIGHT, 1.1 - x / WIDTH)[colour]
            light *= 0.35 if (x // 20 + y // 24) % 2 else 0.8
            if (x - 230) ** 2 + (y - 70) ** 2 < 900:
                light = 2
            value = BLACK + light * 9000 + (noise >> 16) % 300
            pixels.append(min(WHITE, int(value)))
    return struct.pack(f"<{len(pixels)}H", *pixels)


def entry(tag, kind, values):
    formats = {BYTE: "B", SHORT: "H", LONG: "I", RATIONAL: "II", SRATIONAL: "ii"}
    if kind == ASCII:
        return tag, kind, len(values) + 1, values.encode() + b"\0"
    if kind in (RATIONAL, SRATIONAL):
        return tag, kind, len(values), b"".join(struct.pack("<" + formats[kind], int(v * 10000), 10000) for v in values)
    return tag, kind, len(values), struct.pack(f"<{len(values)}{formats[kind]}", *values)


def main(path):
    pixels = photograph()
    # From XYZ to the camera's colours, as a real camera's: else nothing can be developed from it.
    matrix = [0.6722, -0.0635, -0.0963, -0.4287, 1.2460, 0.2028, -0.0908, 0.2162, 0.5668]
    entries = [
        entry(254, LONG, [0]),
        entry(256, LONG, [WIDTH]),
        entry(257, LONG, [HEIGHT]),
        entry(258, SHORT, [16]),
        entry(259, SHORT, [1]),
        entry(262, SHORT, [32803]),
        entry(271, ASCII, "Remora"),
        entry(272, ASCII, "Pinhole"),
        entry(273, LONG, [0]),
        entry(274, SHORT, [1]),
        entry(277, SHORT, [1]),
        entry(278, LONG, [HEIGHT]),
        entry(279, LONG, [len(pixels)]),
        entry(284, SHORT, [1]),
        entry(33421, SHORT, [2, 2]),
        entry(33422, BYTE, [0, 1, 1, 2]),
        entry(50706, BYTE, [1, 4, 0, 0]),
        entry(50707, BYTE, [1, 1, 0, 0]),
        entry(50708, ASCII, "Remora Pinhole"),
        entry(50714, SHORT, [BLACK]),
        entry(50717, LONG, [WHITE]),
        entry(50721, SRATIONAL, matrix),
        entry(50728, RATIONAL, [0.5, 1, 0.7]),
        entry(50778, SHORT, [21]),
    ]
    begin = 8
    data_at = begin + 2 + 12 * len(entries) + 4
    data = b""
    directory = struct.pack("<H", len(entries))
    pixels_at = data_at + sum(len(value) + len(value) % 2 for *_, value in entries if len(value) > 4)
    for tag, kind, count, value in entries:
        if tag == 273:
            value = struct.pack("<I", pixels_at)
        if len(value) > 4:
            where = struct.pack("<I", data_at + len(data))
            data += value + b"\0" * (len(value) % 2)
        else:
            where = value.ljust(4, b"\0")
        directory += struct.pack("<HHI", tag, kind, count) + where
    with open(path, "wb") as file:
        file.write(b"II*\0" + struct.pack("<I", begin) + directory + struct.pack("<I", 0) + data + pixels)


main(sys.argv[1])
