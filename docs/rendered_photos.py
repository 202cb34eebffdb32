"""Renders photo-like pictures with numpy: free of anybody's rights, the same on every machine."""

import colorsys
from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from PIL.TiffImagePlugin import IFDRational

Picture = NDArray[np.float32]
"""(H, W, 3) linear light, 0 to 1."""
WIDTH, HEIGHT = 1200, 800
START = datetime(2026, 9, 12, 6, 40, 0)


def _fractal(generator: np.random.Generator, length: int, roughness: float = 0.55) -> Picture:
    """Return (length,) smooth noise around 0, the sum of ever finer waves."""
    x = np.linspace(0, 1, length)
    result = np.zeros(length)
    for octave in range(1, 9):
        points = generator.standard_normal(2**octave + 2)
        result += np.interp(x, np.linspace(0, 1, points.size), points) * roughness**octave
    return result.astype(np.float32)


def _noise(generator: np.random.Generator, scale_x: int, scale_y: int) -> Picture:
    """Return (H, W) smooth noise, 0 to 1, with features of about the given size in pixels."""
    small = generator.random((HEIGHT // scale_y + 2, WIDTH // scale_x + 2)).astype(np.float32)
    image = Image.fromarray(small).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    return np.clip(np.asarray(image), 0, 1)


def _mix(first: Picture, second: Picture, amount: Picture | float) -> Picture:
    return first * (1 - amount) + second * amount


def _colour(hue: float, saturation: float, value: float) -> Picture:
    return np.asarray(colorsys.hsv_to_rgb(hue % 1, saturation, value), np.float32)


def _below(value: Picture, limit: Picture | float, width: float) -> Picture:
    """Return 1 where value < limit, 0 where it is greater, with a soft edge."""
    return np.asarray(0.5 - 0.5 * np.tanh((value - limit) / (2 * width)), np.float32)


def _sky(generator: np.random.Generator, hue: float, warm: float) -> Picture:
    """Return a sky with a sun and thin clouds."""
    y = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None, None]
    sky = _mix(_colour(hue, 0.62, 0.42)[None, None], _colour(warm, 0.42, 0.92)[None, None], y**1.3)
    sky = np.broadcast_to(sky, (HEIGHT, WIDTH, 3)).copy()
    cx, cy = generator.uniform(0.2, 0.8) * WIDTH, generator.uniform(0.3, 0.5) * HEIGHT
    yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    distance = np.hypot(xx - cx, yy - cy)
    glow = np.exp(-distance / 190)[..., None] * _colour(warm, 0.35, 1.0)
    disc = _below(distance, 26, 1.5)
    clouds = _noise(generator, 260, 46) * _noise(generator, 90, 22)
    sky = _mix(sky, _colour(warm, 0.18, 1.0), (np.clip(clouds - 0.25, 0, 1) * 0.9)[..., None])
    return np.clip(sky + 0.8 * glow + disc[..., None], 0, 1.2)


def mountains(generator: np.random.Generator) -> Picture:
    """Ridge behind ridge in the haze of a morning."""
    hue, warm = generator.uniform(0.54, 0.66), generator.uniform(0.03, 0.12)
    picture = _sky(generator, hue, warm)
    haze = _colour(warm, 0.22, 0.92)
    rows = np.arange(HEIGHT, dtype=np.float32)[:, None]
    for layer in range(6):
        depth = layer / 5
        height = HEIGHT * (0.42 + 0.11 * layer)
        ridge = height - _fractal(generator, WIDTH, 0.5 + 0.03 * layer) * 95 * (0.7 + depth)
        edge = _below(ridge[None], rows, 0.8)
        ground = _colour(generator.uniform(0.28, 0.5), 0.35, 0.1 + 0.04 * layer)
        texture = 0.75 + 0.5 * _noise(generator, 9, 7) * depth
        colour = _mix(haze * 0.8, ground, 0.25 + 0.72 * depth) * texture[..., None]
        picture = _mix(picture, colour, edge[..., None])
    return picture


def sea(generator: np.random.Generator) -> Picture:
    """A low sun over water."""
    hue, warm = generator.uniform(0.56, 0.7), generator.uniform(0.0, 0.1)
    picture = _sky(generator, hue, warm)
    horizon = int(HEIGHT * generator.uniform(0.5, 0.62))
    water = picture[horizon - 1 :: -1][: HEIGHT - horizon] * 0.55
    rows = np.linspace(0, 1, HEIGHT - horizon, dtype=np.float32)[:, None]
    ripples = np.stack([_fractal(generator, WIDTH, 0.72) for _ in range(HEIGHT - horizon)])
    moved = np.clip(
        np.arange(WIDTH)[None] + (ripples * 60 * (0.2 + rows)).astype(int), 0, WIDTH - 1
    )
    water = np.take_along_axis(water, moved[..., None].repeat(3, axis=2), axis=1)
    water = water + np.clip(ripples - 0.4, 0, 1)[..., None] * _colour(warm, 0.3, 0.5)
    picture[horizon:] = _mix(water, _colour(hue, 0.7, 0.12), (0.25 + 0.35 * rows)[..., None])
    return picture


def lights(generator: np.random.Generator) -> Picture:
    """A street at night, far out of focus."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.float32) + _colour(0.65, 0.5, 0.035)
    yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    for _ in range(60):
        x, y = generator.uniform(0, WIDTH), generator.normal(0.45, 0.16) * HEIGHT
        radius = generator.uniform(16, 62)
        hue = generator.choice([0.08, 0.1, 0.02, 0.55, 0.92]) + generator.normal(0, 0.015)
        distance = np.hypot(xx - x, yy - y)
        disc = _below(distance, radius, 1.4)
        ring = np.exp(-(((distance - radius) / 4) ** 2)) * 0.35
        light = _colour(hue, generator.uniform(0.35, 0.8), generator.uniform(0.15, 0.55))
        picture += (disc * 0.8 + ring)[..., None] * light
    return picture


def spheres(generator: np.random.Generator) -> Picture:
    """A still life of balls on a table, with shadows."""
    yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    table = _mix(_colour(0.09, 0.35, 0.55)[None, None], _colour(0.08, 0.45, 0.2)[None, None],
                 (yy / HEIGHT)[..., None])  # fmt: skip
    grain = 0.85 + 0.3 * _noise(generator, 160, 4) * _noise(generator, 30, 2)
    picture = table * grain[..., None]
    wall = np.clip((HEIGHT * 0.42 - yy) / 6, 0, 1)[..., None]
    picture = _mix(picture, _colour(generator.random(), 0.18, 0.42)[None, None], wall)
    light = np.asarray([-0.5, -0.62, 0.6], np.float32)
    light /= np.linalg.norm(light)
    for at in np.argsort(depths := generator.uniform(0.45, 0.78, 6)):
        radius = 60 + 130 * (depths[at] - 0.4)
        cx, cy = generator.uniform(0.08, 0.92) * WIDTH, depths[at] * HEIGHT
        shade = np.exp(-((xx - cx - radius * 0.6) ** 2 / (2.2 * radius**2)
                         + (yy - cy - radius * 0.92) ** 2 / (0.14 * radius**2)))  # fmt: skip
        picture *= (1 - 0.7 * shade)[..., None]
        nx, ny = (xx - cx) / radius, (yy - cy) / radius
        inside = nx**2 + ny**2
        nz = np.sqrt(np.clip(1 - inside, 0, 1))
        lambert = np.clip(nx * light[0] + ny * light[1] + nz * light[2], 0, 1)
        shine = np.clip(2 * lambert * nz - light[2], 0, 1) ** 40
        colour = _colour(generator.random(), 0.75, 0.75)
        ball = colour * (0.10 + 0.85 * lambert)[..., None] + 0.8 * shine[..., None]
        edge = _below(np.sqrt(inside) * radius, radius, 0.8)
        picture = _mix(picture, ball, edge[..., None])
    return picture


def stars(generator: np.random.Generator) -> Picture:
    """A clear night over a ridge."""
    y = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None, None]
    picture = _mix(_colour(0.66, 0.8, 0.03)[None, None], _colour(0.58, 0.6, 0.16)[None, None], y)
    picture = np.broadcast_to(picture, (HEIGHT, WIDTH, 3)).copy()
    yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    band = np.exp(-(((yy - HEIGHT * 0.1 - xx * 0.55) / 130) ** 2))
    picture += (band * (0.3 + _noise(generator, 60, 40)) * 0.10)[..., None] * _colour(0.7, 0.2, 1)
    light = np.zeros((HEIGHT, WIDTH), np.float32)
    for _ in range(1500):
        x, row = generator.integers(0, WIDTH), generator.integers(0, int(HEIGHT * 0.85))
        light[row, x] = generator.exponential(0.9)
    soft = light.copy()
    for step, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
        soft += 0.3 * np.roll(light, step, axis)
    picture += (soft * 2.2)[..., None]
    ridge = HEIGHT * 0.8 - _fractal(generator, WIDTH, 0.52) * 90
    edge = _below(ridge[None], yy, 0.8)
    return _mix(picture, _colour(0.6, 0.4, 0.012)[None, None], edge[..., None])


def flower(generator: np.random.Generator) -> Picture:
    """A blossom before a soft meadow."""
    green = _colour(generator.uniform(0.24, 0.36), 0.6, 0.24)
    blots = (_noise(generator, 170, 150) * 1.2 + 0.25)[..., None]
    picture = green * blots + _colour(0.16, 0.5, 0.16) * (_noise(generator, 240, 200))[..., None]
    cx, cy = generator.uniform(0.38, 0.62) * WIDTH, generator.uniform(0.42, 0.56) * HEIGHT
    yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    radius, angle = np.hypot(xx - cx, yy - cy), np.arctan2(yy - cy, xx - cx)
    petals = int(generator.integers(7, 15))
    hue = generator.choice([0.0, 0.08, 0.13, 0.78, 0.9])
    for ring, size in ((0, 290), (1, 215)):
        wave = np.abs(np.cos(petals / 2 * (angle + ring * np.pi / petals)))
        reach = size * (0.45 + 0.55 * wave**0.55)
        edge = _below(radius, reach, 1.2)
        veins = 0.9 + 0.14 * np.sin(petals * 9 * angle) * (radius / size)
        colour = _colour(hue + 0.015 * ring, 0.66 - 0.1 * ring, 0.72)
        shade = (0.45 + 0.6 * np.clip(radius / reach, 0, 1)) * veins
        picture = _mix(picture, colour * shade[..., None], edge[..., None])
    heart = _below(radius, 64, 2)
    seeds = 0.55 + 0.6 * _noise(generator, 5, 5)
    return _mix(picture, _colour(0.12, 0.85, 0.5) * seeds[..., None], heart[..., None])


SCENES: tuple[Callable[[np.random.Generator], Picture], ...] = (
    mountains, flower, sea, spheres, lights, stars,
)  # fmt: skip


def finish(picture: Picture, *, seed: int, blur: float = 0, noise: float = 0.006, stops: float = 0,
           side: float = 0) -> Image.Image:  # fmt: skip
    """Expose, soften, add grain and turn into sRGB.

    Args:
        picture: linear light.
        seed: of the grain.
        blur: radius of the softness, pixels.
        noise: standard deviation of the grain.
        stops: exposure correction.
        side: shift of the view as a part of the width, for a hand that moved.
    """
    if side:
        picture = np.roll(picture, round(side * WIDTH), axis=1)
    light = np.clip(picture**1.25 * 2.0**stops, 0, 1)
    grain = np.random.default_rng(seed).normal(0, noise, light.shape).astype(np.float32)
    display = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    image = Image.fromarray((np.clip(display, 0, 1) * 255).round().astype(np.uint8))
    if blur:
        image = image.filter(ImageFilter.GaussianBlur(blur))
    grainy = np.clip(np.asarray(image) + grain * 255, 0, 255)
    return Image.fromarray(grainy.round().astype(np.uint8))


def exif(moment: datetime, *, exposure: float, f_number: float, iso: int, focal: float,
         bias: float = 0.0, bracket: bool = False) -> Image.Exif:  # fmt: skip
    """Return EXIF as a camera writes it."""
    result = Image.Exif()
    result[0x010F], result[0x0110] = "Rendered", "Numpy One"
    details = result.get_ifd(0x8769)
    details[0x9003] = moment.strftime("%Y:%m:%d %H:%M:%S")
    details[0x9291] = f"{moment.microsecond // 10000:02d}"
    details[0x829A] = IFDRational(Fraction(exposure).limit_denominator(8000))
    details[0x829D], details[0x8827] = IFDRational(round(10 * f_number), 10), iso
    details[0x920A], details[0xA434] = focal, "35-70 mm f/4"
    details[0x9204] = IFDRational(round(10 * bias), 10)
    if bracket:
        details[0xA402] = 2
    return result


def render_shoot(folder: Path, *, scenes: int = 26) -> list[Path]:
    """Write a shoot of single frames, bursts, a bracket, weak frames and a broken file."""
    folder.mkdir(parents=True, exist_ok=True)
    paths, number, moment = [], 4711, START

    def save(picture: Picture, when: datetime, *, bias: float = 0.0, bracket: bool = False,
             **look: float) -> None:  # fmt: skip
        nonlocal number
        path = folder / f"DSC_{number}.jpg"
        number += 1
        image = finish(picture, seed=number, stops=bias + look.pop("stops", 0.0), **look)
        info = exif(when, exposure=2.0**bias / 250, f_number=5.6, iso=200, focal=50, bias=bias,
                    bracket=bracket)  # fmt: skip
        image.save(path, quality=90, exif=info)
        paths.append(path)

    for at in range(scenes):
        generator = np.random.default_rng(9000 + at)
        picture = SCENES[at % len(SCENES)](generator)
        moment += timedelta(seconds=95)
        if at % 7 == 1:
            for shot, blur in enumerate((2.2, 0.0, 0.8, 4.0)):
                save(picture, moment + timedelta(seconds=0.4 * shot), blur=blur, side=0.003 * shot)
        elif at == 6:
            for shot, bias in enumerate((0.0, -2.0, 2.0)):
                save(picture, moment + timedelta(seconds=0.5 * shot), bias=bias, bracket=True)
        else:
            weak = at % 5 == 3
            save(picture, moment, blur=2.6 if weak else 0, noise=0.05 if at % 9 == 4 else 0.006)
    broken = folder / f"DSC_{number}.jpg"
    broken.write_bytes(paths[0].read_bytes()[:300])
    return [*paths, broken]
