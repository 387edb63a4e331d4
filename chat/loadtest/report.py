"""What a load test measured, as a table for people."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chat.loadtest.figures import Figures, Latency

KIB, MS_PER_S = 1024, 1000


def print_figures(figures: Figures, console: Console) -> None:
    """Print the one table of a load test."""
    title = f"{figures.scenario}: {figures.clients:,} clients, {figures.rooms:,} rooms, {figures.seconds:.1f} s"
    table = Table(title=title, title_justify="left", expand=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, words in _rows(figures):
        table.add_row(name, words)
    console.print(table)
    for reason in figures.reasons:
        console.print(escape(reason[0].upper() + reason[1:] + "."))
    style, verdict = ("green", "The run counts.") if figures.valid else ("bold red", "The run does not count.")
    console.print(f"[{style}]{verdict}[/]")


def _rows(figures: Figures) -> list[tuple[str, str]]:
    rows = [
        ("deliveries", f"{figures.arrivals.count:,} of {figures.expected:,}; {figures.deliveries_per_s:,.0f}/s"),
        ("from the send to the arrival", _words(figures.arrivals)),
        ("sends acknowledged", f"{figures.acknowledgements.count:,}; {figures.acknowledged_per_s:,.0f}/s"),
        ("until the acknowledgement", _words(figures.acknowledgements)),
    ]
    if figures.returns is not None:
        rows.append(("until caught up again", _words(figures.returns)))
    if figures.server_cpu_s is None:
        rows.append(("server", "not measured: no process of this machine listens there (or say --pid)"))
    else:
        rows.append(("server, of a core", f"{figures.server_share or 0:.1%}"))
    if figures.cpu_per_delivery_us is not None:
        rows.append(("server CPU per delivery", f"{figures.cpu_per_delivery_us:.1f} µs, sends included"))
    if figures.cpu_per_send_ms is not None:
        rows.append(("server CPU per send", f"{figures.cpu_per_send_ms:.2f} ms, deliveries included"))
    if figures.connection_bytes is not None:
        rows.append(("server memory per connection", f"{figures.connection_bytes / KIB:.1f} KiB"))
    rows.append(("busiest process of clients, of a core", f"{figures.generator_share:.1%}"))
    return rows


def _words(latency: Latency) -> str:
    if not latency.count:
        return "none"
    return f"p50 {latency.p50_ms:.1f} ms, p99 {latency.p99_ms:.1f} ms, max {latency.max_ms:.1f} ms"
