"""``osr demo``: a page to try the models."""

from __future__ import annotations

import click

from osr.cli import fail, options
from osr.cli.output import print_json
from osr.extras import require_extra
from osr_core.registry import find_weights, registry


@click.command()
@click.option("--model", "models", multiple=True, shell_complete=options.complete_model,
              help="Weight file or run folder to offer beside the registered models.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True,
              help="Address to listen on; by default this machine alone can connect.")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True,
              help="0: any that is free.")  # fmt: skip
@options.backend
@options.device
@options.precision
@options.max_pixels
@options.model_limit
@options.json
def demo(
    models: tuple[str, ...],
    host: str,
    port: int,
    backend: str | None,
    device: str,
    precision: str,
    max_pixels: int | None,
    as_json: bool,
) -> None:
    """Serve a page on which photographs can be degraded, restored and compared.

    Photographs are kept in a temporary folder until their page is closed. The page loads nothing
    from the internet. Stop it with Ctrl-C.

    \b
    osr demo
    osr demo --model runs/denoise --device cuda
    """
    require_extra("demo", "demo")
    from backends import get_backend
    from osr.demo.server import is_loopback, serve
    from osr.demo.work import Settings

    get_backend(backend)
    for model in models:
        find_weights(model)
    offered = tuple(dict.fromkeys((*models, *registry())))

    def announce(address: str) -> None:
        if as_json:
            print_json({"address": address, "models": offered})
        elif not options.quiet():
            click.echo(f"{address} (Ctrl-C ends it)")
        if not is_loopback(host):
            fail("anyone who reaches this address can use the page")

    serve(Settings(offered, backend, device, precision, max_pixels), host, port, announce)
