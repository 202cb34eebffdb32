"""`qpt cache`: what the score cache holds, and emptying it."""

import typer


def register(app: typer.Typer) -> None:
    """Add the group."""
    cache = typer.Typer(
        name="cache",
        help="Look at the score cache or empty it. It can always be deleted without loss.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    cache.command(name="info")(info)
    cache.command(name="clear")(clear)
    app.add_typer(cache)


def info() -> None:
    """Show where the score cache is, how large, and what it holds: scores by model, and focus."""
    from qpt_app.cli.console import say
    from qpt_app.cli.wiring import cache_folder
    from qpt_app.photos.safe_text import terminal_text
    from qpt_app.photos.score_cache import ScoreCache
    from qpt_app.photos.settings import load_settings

    with ScoreCache.open(cache_folder(load_settings().values)) as cache:
        for notice in cache.notices:
            say(notice)
        state = cache.info()
    typer.echo(f"path    {terminal_text(str(state.path))}")
    typer.echo(f"size    {state.bytes_on_disk / 1e6:.1f} MB")
    typer.echo(f"files   {state.files}")
    typer.echo(f"scores  {state.scores}")
    for label, count in state.by_model.items():
        typer.echo(f"        {count} by {terminal_text(label)}")
    typer.echo(f"focus   {state.focus}")


def clear() -> None:
    """Empty the score cache. Nothing is lost but time: scores are worked out again."""
    from qpt_app.cli.console import say
    from qpt_app.cli.wiring import cache_folder
    from qpt_app.photos.score_cache import ScoreCache
    from qpt_app.photos.settings import load_settings

    with ScoreCache.open(cache_folder(load_settings().values)) as cache:
        for notice in cache.notices:
            say(notice)
        count = cache.clear()
    typer.echo(f"{count} scores forgotten")
