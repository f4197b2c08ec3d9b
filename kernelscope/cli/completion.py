"""``kernelscope completion``: a completion script for the user's shell."""

from __future__ import annotations

import click

from kernelscope.cli.options import notes

SHELLS = ("bash", "zsh", "fish")


@click.command(
    short_help="Print a completion script for your shell.",
    epilog=notes(
        "source <(kernelscope completion bash)        # in ~/.bashrc",
        "source <(kernelscope completion zsh)         # in ~/.zshrc",
        "kernelscope completion fish | source         # in ~/.config/fish/config.fish",
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a script that completes commands, options, kernels, notebooks and recordings in your shell.

    Load it from the shell's own start-up file.
    """
    from click.shell_completion import get_completion_class

    if (script := get_completion_class(shell)) is not None:  # of each of SHELLS there is one
        group = ctx.find_root().command
        click.echo(script(group, {}, "kernelscope", "_KERNELSCOPE_COMPLETE").source())
