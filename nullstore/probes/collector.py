"""From samples to what prometheus-client writes: a registry for each scrape, so nothing is kept between processes."""

from collections import defaultdict
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from nullstore.probes.metrics import METRICS
from nullstore.probes.samples import Sample, samples
from nullstore.probes.snapshot import Snapshot


class SnapshotCollector(Collector):
    """What was seen once. A metric without a sample is left out."""

    def __init__(self, seen: Snapshot) -> None:
        self._found: dict[str, list[Sample]] = defaultdict(list)
        for sample in samples(seen):
            self._found[sample[0]].append(sample)

    def collect(self) -> Iterator[Metric]:
        for metric in METRICS:
            if found := self._found.get(metric.name):
                make = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
                family = make(metric.name, metric.help, labels=metric.labels)
                for _, labels, value in found:
                    family.add_metric(labels, float(value))
                yield family


def registry_of(seen: Snapshot) -> CollectorRegistry:
    """Return a registry that holds just this: nothing of the process, nothing of an earlier scrape."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SnapshotCollector(seen))
    return registry
