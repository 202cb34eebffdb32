"""Renders `assets/samples`: photo-like pictures that belong to nobody, and broken versions of one.

    python packaging/render_samples.py [OUT]

A small numpy ray tracer with procedural textures; the same pictures on every run. The file names
say what they show; `still-life-1-sharp.jpg` is the scene that the six degraded versions share.
"""

import io
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from scipy.ndimage import convolve, gaussian_filter

WIDTH, HEIGHT = 1080, 720
SUPERSAMPLING = 2
LIGHT = np.array([-0.45, 0.75, -0.5]) / np.linalg.norm([-0.45, 0.75, -0.5])
SAMPLES = Path(__file__).parent.parent / "assets" / "samples"


# --- textures -------------------------------------------------------------------------------


def lattice(cells, seed):
    """Hash integer cells (..., k) to uniform numbers in [0, 1)."""
    mixed = np.full(cells.shape[:-1], seed * 0x9E3779B1 + 0x85EBCA6B, dtype=np.uint64)
    for axis in range(cells.shape[-1]):
        mixed = (mixed ^ cells[..., axis].astype(np.int64).view(np.uint64)) * np.uint64(
            0xBF58476D1CE4E5B9
        )
        mixed ^= mixed >> np.uint64(29)
    return (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def value_noise(points, seed):
    """Smooth noise in [0, 1] at (..., k) points, k = 2 or 3."""
    base = np.floor(points)
    part = points - base
    part = part * part * (3 - 2 * part)
    total = 0.0
    dims = points.shape[-1]
    for corner in np.ndindex(*(2,) * dims):
        offset = np.array(corner)
        weight = np.prod(np.where(offset, part, 1 - part), axis=-1)
        total = total + weight * lattice(base + offset, seed)
    return total


def fractal(points, seed, octaves=6, gain=0.5):
    """Sum of octaves of noise, in [0, 1]."""
    total, amplitude, norm = 0.0, 1.0, 0.0
    for octave in range(octaves):
        total = total + amplitude * value_noise(points * 2.0**octave, seed + octave)
        norm += amplitude
        amplitude *= gain
    return total / norm


def blend(low, high, share):
    """Mix two colours by (...,) shares."""
    return np.asarray(low) + (np.asarray(high) - np.asarray(low)) * share[..., None]


def wood(points):
    """Planks with grain, from (N, 3) points on a table."""
    plank = np.floor(points[:, 0] / 0.9)
    shift = lattice(plank[:, None], 5)
    grain = fractal(np.stack([points[:, 0] * 14, points[:, 2] * 0.9 + 40 * shift], 1), 11, 7, 0.6)
    fibre = fractal(np.stack([points[:, 0] * 90, points[:, 2] * 3 + 9 * shift], 1), 31, 4, 0.7)
    colour = blend((0.20, 0.095, 0.04), (0.55, 0.31, 0.15), 0.75 * grain + 0.25 * fibre)
    colour *= (0.8 + 0.35 * shift)[:, None]
    edge = np.abs(points[:, 0] / 0.9 - plank - 0.5) > 0.492
    return np.where(edge[:, None], colour * 0.25, colour)


def plaster(points):
    """A wall with fine grain and brush marks."""
    rough = fractal(points[:, :2] * np.array([3.0, 9.0]), 71, 7, 0.65)
    return blend((0.30, 0.33, 0.36), (0.46, 0.49, 0.50), rough)


def marble(points):
    """White stone with veins."""
    warp = fractal(points * 2.2, 91, 6)
    vein = np.abs(np.sin(7 * points[:, 0] + 3 * points[:, 1] + 14 * warp)) ** 0.35
    fine = fractal(points * 40, 95, 3)
    return blend((0.16, 0.17, 0.20), (0.86, 0.84, 0.80), np.clip(vein * (0.9 + 0.2 * fine), 0, 1))


def fabric(points):
    """A woven check."""
    u, v = points[:, 0] * 3 + points[:, 2], points[:, 1] * 3
    check = (np.floor(u * 2) + np.floor(v * 2)) % 2
    weave = 0.75 + 0.25 * np.sin(u * 190) * np.sin(v * 190)
    return blend((0.62, 0.10, 0.09), (0.88, 0.80, 0.66), check) * weave[:, None]


def orange_peel(points):
    """Fruit skin with pores."""
    pores = fractal(points * 55, 131, 2)
    return blend((0.62, 0.24, 0.02), (0.93, 0.46, 0.05), np.clip(pores * 1.5 - 0.2, 0, 1))


def printed_cover(points):
    """A book cover: lines of a text that cannot be read."""
    row = np.floor(points[:, 1] * 26)
    column = np.floor(points[:, 0] * 70)
    inked = (lattice(np.stack([row, column], 1), 171) > 0.35) & (np.mod(points[:, 1] * 26, 1) < 0.6)
    ink = inked & (lattice(np.stack([row, np.floor(column / 5)], 1), 173) > 0.2)
    return np.where(ink[:, None], (0.93, 0.89, 0.76), (0.05, 0.17, 0.24))


# --- ray tracer -----------------------------------------------------------------------------


@dataclass
class Sphere:
    """A ball with a texture and a gloss."""

    centre: np.ndarray
    radius: float
    texture: object
    gloss: float = 0.1

    def hit(self, origin, way):
        """Distance along each ray, infinite where it misses."""
        to = origin - self.centre
        half = np.einsum("ij,ij->i", to, way)
        square = half**2 - np.einsum("ij,ij->i", to, to) + self.radius**2
        distance = -half - np.sqrt(np.maximum(square, 0))
        return np.where((square > 0) & (distance > 1e-4), distance, np.inf)

    def normal(self, points):
        """Outward normals."""
        return (points - self.centre) / self.radius

    def colour(self, points):
        """Texture in the ball's own frame."""
        return self.texture(points - self.centre)


@dataclass
class Box:
    """An upright box."""

    low: np.ndarray
    high: np.ndarray
    texture: object
    gloss: float = 0.05

    def hit(self, origin, way):
        """Distance along each ray (slab method), infinite where it misses."""
        inverse = 1.0 / np.where(np.abs(way) < 1e-9, 1e-9, way)
        one, two = (self.low - origin) * inverse, (self.high - origin) * inverse
        near = np.minimum(one, two).max(axis=1)
        far = np.maximum(one, two).min(axis=1)
        return np.where((near < far) & (near > 1e-4), near, np.inf)

    def normal(self, points):
        """Normal of the nearest face."""
        centre, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        local = (points - centre) / half
        axis = np.abs(local).argmax(axis=1)
        normals = np.zeros_like(points)
        rows = np.arange(len(points))
        normals[rows, axis] = np.sign(local[rows, axis])
        return normals

    def colour(self, points):
        """Texture in the world's frame."""
        return self.texture(points)


@dataclass
class Plane:
    """All points with coordinate `axis` equal to `level`."""

    axis: int
    level: float
    texture: object
    gloss: float = 0.0

    def hit(self, origin, way):
        """Distance along each ray, infinite where it misses."""
        step = way[:, self.axis]
        distance = (self.level - origin[:, self.axis]) / np.where(np.abs(step) < 1e-9, 1e-9, step)
        return np.where(distance > 1e-4, distance, np.inf)

    def normal(self, points):
        """The axis, towards the viewer's side."""
        normals = np.zeros_like(points)
        normals[:, self.axis] = 1.0 if self.axis == 1 else -1.0
        return normals

    def colour(self, points):
        """Texture in the world's frame."""
        return self.texture(points)


@dataclass
class Scene:
    """Things, a camera and a sky."""

    things: list
    eye: np.ndarray
    target: np.ndarray
    view_angle: float
    sky: object
    ambient: np.ndarray = field(default_factory=lambda: np.array([0.32, 0.36, 0.42]))
    sun: np.ndarray = field(default_factory=lambda: np.array([1.55, 1.42, 1.22]))


def nearest(scene, origin, way):
    """Distance and index of the first thing along each ray."""
    best = np.full(len(way), np.inf)
    which = np.full(len(way), -1)
    for index, thing in enumerate(scene.things):
        distance = thing.hit(origin, way)
        closer = distance < best
        best[closer] = distance[closer]
        which[closer] = index
    return best, which


def trace(scene, origin, way, generator, bounces=1):
    """Linear light along each ray, (N, 3)."""
    distance, which = nearest(scene, origin, way)
    light = scene.sky(way)
    for index, thing in enumerate(scene.things):
        rows = np.flatnonzero(which == index)
        if not len(rows):
            continue
        points = origin[rows] + way[rows] * distance[rows, None]
        normals = thing.normal(points)
        light[rows] = shade(scene, thing, points, normals, way[rows], generator, bounces)
    return light


def shade(scene, thing, points, normals, way, generator, bounces):
    """Diffuse light with a soft shadow, a highlight and one reflection."""
    start = points + normals * 2e-3
    towards = LIGHT + generator.normal(scale=0.035, size=points.shape)
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    blocked = np.isfinite(nearest(scene, start, towards)[0])
    facing = np.clip(np.einsum("ij,ij->i", normals, towards), 0, None) * ~blocked
    above = 0.55 + 0.45 * normals[:, 1]
    random_way = normals + generator.normal(scale=0.6, size=points.shape)
    random_way /= np.linalg.norm(random_way, axis=1, keepdims=True)
    near = nearest(scene, start, random_way)[0]
    above = above * np.where(near < 0.5, 0.35 + near, 1.0).clip(0.35, 1)
    colour = thing.colour(points)
    light = colour * (facing[:, None] * scene.sun + above[:, None] * scene.ambient)
    if thing.gloss and bounces:
        mirror = way - 2 * np.einsum("ij,ij->i", way, normals)[:, None] * normals
        fresnel = (
            thing.gloss
            + (1 - thing.gloss) * 0.5 * (1 - np.abs(np.einsum("ij,ij->i", way, normals))) ** 4
        )
        light += fresnel[:, None] * trace(scene, start, mirror, generator, bounces - 1)
        highlight = np.clip(mirror @ LIGHT, 0, 1) ** 220 * ~blocked
        light += (4.0 * thing.gloss**0.5 * highlight)[:, None]
    return light


def render(scene, seed):
    """Linear light of a scene, (HEIGHT, WIDTH, 3)."""
    generator = np.random.default_rng(seed)
    forward = scene.target - scene.eye
    forward = forward / np.linalg.norm(forward)
    right = np.cross([0, 1, 0], forward)
    right /= np.linalg.norm(right)
    up = np.cross(forward, right)
    scale = math.tan(math.radians(scene.view_angle) / 2)
    total = np.zeros((HEIGHT * WIDTH, 3))
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    for sub in np.ndindex(SUPERSAMPLING, SUPERSAMPLING):
        offset = (np.array(sub) + 0.5) / SUPERSAMPLING
        x = ((columns + offset[1]) / WIDTH * 2 - 1).ravel() * scale
        y = (1 - (rows + offset[0]) / HEIGHT * 2).ravel() * scale * HEIGHT / WIDTH
        way = forward + x[:, None] * right + y[:, None] * up
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        for part in np.array_split(np.arange(len(way)), 24):
            origin = np.broadcast_to(scene.eye, (len(part), 3))
            total[part] += trace(scene, origin, way[part], generator)
    return (total / SUPERSAMPLING**2).reshape(HEIGHT, WIDTH, 3)


# --- scenes ---------------------------------------------------------------------------------


def window_sky(way):
    """Soft light of a room with a bright window, for reflections."""
    window = (np.abs(way[:, 0] + 0.5) < 0.25) & (np.abs(way[:, 1] - 0.6) < 0.2)
    return np.where(
        window[:, None],
        (2.2, 2.2, 2.3),
        blend((0.2, 0.2, 0.21), (0.5, 0.52, 0.56), np.clip(way[:, 1], 0, 1)),
    )


def day_sky(way):
    """Blue sky with clouds."""
    height = np.clip(way[:, 1], 0.02, 1)
    clouds = fractal(way[:, [0, 2]] / height[:, None] * 0.7, 201, 6)
    base = blend((0.72, 0.80, 0.88), (0.16, 0.34, 0.68), np.sqrt(height))
    return blend(base, (0.98, 0.97, 0.95), np.clip(clouds * 3.2 - 1.5, 0, 1) * 0.9)


def still_life():
    """Fruit, a marble ball, a cushion ball and books on a table."""
    spheres = [
        ((-1.15, 0.62, 0.5), 0.62, marble, 0.18),
        ((0.25, 0.5, -0.2), 0.5, orange_peel, 0.06),
        ((1.15, 0.42, -0.45), 0.42, orange_peel, 0.06),
        ((0.55, 0.36, -1.0), 0.36, fabric, 0.0),
        ((-0.45, 0.28, -0.95), 0.28, marble, 0.3),
    ]
    things = [Sphere(np.array(c), r, texture, gloss) for c, r, texture, gloss in spheres]
    things += [
        Box(np.array([0.9, 0.0, 0.7]), np.array([2.3, 1.9, 1.0]), printed_cover),
        Box(np.array([-2.9, 0.0, 0.9]), np.array([-1.9, 1.3, 1.2]), fabric),
        Plane(1, 0.0, wood, 0.04),
        Plane(2, 2.2, plaster),
    ]
    return Scene(things, np.array([0.1, 1.5, -4.6]), np.array([0.05, 0.62, 0.0]), 42, window_sky)


def pebbles():
    """Stones on wet sand, seen from above."""
    generator = np.random.default_rng(17)
    things = []
    while len(things) < 40:
        radius = float(generator.gamma(6.0, 0.05))
        spot = generator.uniform((-2.6, -1.6), (2.6, 2.4))
        if all(np.hypot(*(spot - t.centre[[0, 2]])) > 0.8 * (radius + t.radius) for t in things):
            things.append(
                Sphere(np.array([spot[0], 0.25 * radius, spot[1]]), radius, stone(generator), 0.08)
            )
    things.append(Plane(1, 0.0, sand, 0.03))
    return Scene(things, np.array([0.0, 3.6, -2.6]), np.array([0.0, 0.0, 0.25]), 44, day_sky)


def stone(generator):
    """A texture of one pebble."""
    low = generator.uniform(0.10, 0.35) * generator.uniform(0.85, 1.15, 3)
    high = low + generator.uniform(0.15, 0.4)
    seed, bands = int(generator.integers(1000)), generator.uniform(4, 22)

    def texture(points):
        layers = 0.5 + 0.5 * np.sin(
            bands * (points[:, 1] + 0.4 * points[:, 0]) + 6 * fractal(points * 5, seed, 4)
        )
        return blend(low, high, 0.5 * layers + 0.5 * fractal(points * 45, seed + 9, 4, 0.7))

    return texture


def sand(points):
    """Coarse grains."""
    grains = lattice(np.floor(points[:, [0, 2]] * 130), 301)
    waves = fractal(points[:, [0, 2]] * 3, 305, 5)
    return blend((0.33, 0.26, 0.18), (0.74, 0.64, 0.48), 0.55 * grains + 0.45 * waves)


def town():
    """Houses with windows along a street."""
    generator = np.random.default_rng(29)
    things = []
    for side in (-1, 1):
        z = 1.0
        while z < 26:
            depth, height = generator.uniform(1.6, 2.8), generator.uniform(2.2, 5.2)
            left, right = sorted((side * 2.1, side * 6.0))
            things.append(
                Box(
                    np.array([left, 0.0, z]),
                    np.array([right, height, z + depth - 0.04]),
                    facade(generator),
                )
            )
            z += depth
    things.append(Plane(1, 0.0, cobbles))
    return Scene(things, np.array([0.3, 1.5, -1.8]), np.array([-0.1, 1.9, 8.0]), 62, day_sky)


def facade(generator):
    """Rendered wall with rows of windows."""
    wall = np.array(
        [
            (0.72, 0.48, 0.30),
            (0.66, 0.60, 0.48),
            (0.50, 0.36, 0.32),
            (0.56, 0.58, 0.55),
            (0.74, 0.66, 0.44),
        ][int(generator.integers(5))]
    )
    seed = int(generator.integers(1000))

    def texture(points):
        along = points[:, 2] + points[:, 0]
        u, v = np.mod(along * 1.35, 1), np.mod(points[:, 1] * 1.15, 1)
        glass = (np.abs(u - 0.5) < 0.24) & (np.abs(v - 0.5) < 0.30)
        frame = (np.abs(u - 0.5) < 0.28) & (np.abs(v - 0.5) < 0.34)
        bars = (np.abs(u - 0.5) < 0.015) | (np.abs(v - 0.55) < 0.015)
        grain = fractal(np.stack([along * 6, points[:, 1] * 14], 1), seed, 6, 0.65)
        colour = wall * (0.65 + 0.6 * grain)[:, None]
        cell = np.stack([np.floor(along * 1.35), np.floor(points[:, 1] * 1.15)], 1)
        pane = blend((0.03, 0.05, 0.08), (0.35, 0.45, 0.55), lattice(cell, seed) ** 2)
        colour = np.where(frame[:, None], (0.85, 0.83, 0.78), colour)
        return np.where((glass & ~bars)[:, None], pane, colour)

    return texture


def cobbles(points):
    """A paved street."""
    row = np.floor(points[:, 2] * 4)
    u, v = np.mod(points[:, 0] * 4 + 0.5 * np.mod(row, 2), 1), np.mod(points[:, 2] * 4, 1)
    cell = np.stack([np.floor(points[:, 0] * 4 + 0.5 * np.mod(row, 2)), row], 1)
    tone = 0.16 + 0.2 * lattice(cell, 401) + 0.12 * fractal(points[:, [0, 2]] * 25, 403, 4)
    joint = (np.minimum(u, 1 - u) < 0.06) | (np.minimum(v, 1 - v) < 0.06)
    return np.where(joint, 0.07, tone)[:, None] * np.array([1.0, 0.97, 0.92])


def mountains():
    """Ranges behind a wooded shore and a lake; painted, not traced."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] / HEIGHT
    way = np.stack([x - 0.75, np.clip(0.62 - y, 0.03, 1), np.ones_like(x)], -1)
    picture = day_sky(way.reshape(-1, 3)).reshape(HEIGHT, WIDTH, 3)
    shore = 0.66
    for layer in range(5):
        share = layer / 4
        line = np.stack([x[0] * (2 + 2 * share) + 7 * layer, np.full(WIDTH, 0.5)], -1)
        crest = (
            0.20
            + 0.36 * share**0.9
            + (0.34 - 0.25 * share) * (0.55 - fractal(line, 500 + layer, 8))
        )
        inside = (y > crest[None]) & (y < shore)
        detail = fractal(
            np.stack([x * (9 + 60 * share), (y - crest[None]) * (14 + 50 * share)], -1),
            520 + layer,
            7,
            0.62,
        )
        near = blend((0.035, 0.06, 0.02), (0.20, 0.24, 0.10), np.clip(detail * 2 - 0.5, 0, 1))
        rock = blend((0.22, 0.23, 0.27), (0.72, 0.72, 0.74), np.clip(detail * 2.4 - 0.7, 0, 1))
        colour = rock + (near - rock) * min(1.0, 1.6 * share)
        haze = 0.62 * (1 - share)
        picture = np.where(
            inside[..., None], colour * (1 - haze) + haze * np.array([0.62, 0.72, 0.84]), picture
        )
    depth = np.clip((y - shore) / (1 - shore), 0, 1)
    ripple = fractal(np.stack([x * 9, 60 * np.sqrt(depth + 1e-3) * 1.6], -1), 560, 5)
    source = np.clip(2 * shore - y + (ripple - 0.5) * 0.09 * (0.15 + depth), 0, shore - 1e-3)
    mirrored = picture[(source * HEIGHT).astype(int), (x * HEIGHT).astype(int).clip(0, WIDTH - 1)]
    water = mirrored * 0.62 + 0.10 * ripple[..., None] * np.array([0.5, 0.8, 1.0])
    return np.where((y >= shore)[..., None], water, picture) * 1.05


# --- camera ---------------------------------------------------------------------------------


def develop(linear, exposure=1.0):
    """Linear light -> sRGB in [0, 1] with a soft shoulder and a little vignetting."""
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    light = linear * exposure * (1 - 0.12 * (x**2 + y**2) / 2)[..., None]
    light = np.clip(light, 0, None)
    light = np.where(light < 0.6, light, 0.6 + 0.4 * np.tanh((light - 0.6) / 0.4 * 0.9))
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def expose(linear, stops):
    """Expose wrongly: the sensor clips, there is no soft shoulder to save it."""
    light = np.clip(linear * 2.0**stops, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def add_noise(picture, amount, seed):
    """Sensor noise: fine brightness noise and blotchy colour noise."""
    generator = np.random.default_rng(seed)
    fine = generator.normal(scale=amount, size=(HEIGHT, WIDTH, 1))
    blotch = gaussian_filter(generator.normal(size=(HEIGHT, WIDTH, 3)), (1.2, 1.2, 0))
    return picture + fine + blotch / blotch.std() * amount * 0.7


def defocus(picture, radius):
    """Blur with a disc, as a lens does."""
    reach = math.ceil(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = (x**2 + y**2 <= radius**2).astype(float)
    return np.stack(
        [convolve(picture[..., c], disc / disc.sum(), mode="nearest") for c in range(3)], -1
    )


def motion_blur(picture, length, angle):
    """Blur along a line."""
    half = length / 2
    kernel = np.zeros((length + 3, length + 3))
    middle = (length + 2) / 2
    for step in np.linspace(-half, half, 4 * length):
        kernel[round(middle + step * math.sin(angle)), round(middle + step * math.cos(angle))] += 1
    return np.stack(
        [convolve(picture[..., c], kernel / kernel.sum(), mode="nearest") for c in range(3)], -1
    )


def to_image(picture):
    """[0, 1] floats -> an 8-bit image."""
    return Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))


def save(image, path, quality=91):
    """Write a JPEG of good quality."""
    image.save(path, quality=quality, subsampling=0 if quality > 90 else 2)
    print(f"{path.name}  {path.stat().st_size // 1024} kB")


def recompress(image, quality):
    """Compress and decompress once."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def main(out):
    """Render everything into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    scene = render(still_life(), seed=1)
    sharp = add_noise(develop(scene), 0.006, 1)
    crisp = to_image(sharp).filter(ImageFilter.UnsharpMask(1.2, 60, 2))
    save(crisp, out / "still-life-1-sharp.jpg")
    save(
        to_image(add_noise(defocus(develop(scene), 6.5), 0.006, 2)),
        out / "still-life-2-defocused.jpg",
    )
    save(
        to_image(add_noise(motion_blur(develop(scene), 31, 0.35), 0.006, 3)),
        out / "still-life-3-motion-blurred.jpg",
    )
    save(to_image(add_noise(develop(scene), 0.13, 4)), out / "still-life-4-noisy.jpg")
    save(recompress(crisp, 5), out / "still-life-5-over-compressed.jpg")
    save(to_image(add_noise(expose(scene, -4.2), 0.02, 5)), out / "still-life-6-under-exposed.jpg")
    save(to_image(add_noise(expose(scene, 2.4), 0.006, 6)), out / "still-life-7-over-exposed.jpg")
    street = render(town(), seed=3)
    for name, linear in (
        ("pebbles", render(pebbles(), seed=2)),
        ("street", street),
        ("lake", mountains()),
    ):
        save(to_image(add_noise(develop(linear), 0.006, 7)), out / f"{name}.jpg", 88)
    soft = to_image(add_noise(defocus(develop(street), 3.0), 0.05, 8))
    save(soft, out / "street-soft-and-noisy.jpg", 88)
    save(recompress(to_image(develop(mountains(), 0.45)), 18), out / "lake-dull.jpg", 88)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES)
