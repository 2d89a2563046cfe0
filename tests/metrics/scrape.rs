//! An exporter, and what it exports.

use std::collections::BTreeSet;

use metrics::LocalRecorderGuard;
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

/// An exporter that is set up as the manual says.
pub(crate) fn exporter() -> PrometheusRecorder {
    let duration = "duration".to_owned();
    PrometheusBuilder::new()
        .with_recommended_naming(true)
        .set_buckets_for_metric(Matcher::Suffix(duration), &[0.001, 0.01, 0.1, 1.0, 5.0])
        .unwrap()
        .build_recorder()
}

/// An exporter that nothing else reports to: it is this thread's, as long as the guard is there.
pub(crate) fn listen<'a>() -> (PrometheusHandle, LocalRecorderGuard<'a>) {
    let recorder = Box::leak(Box::new(exporter()));
    let handle = recorder.handle();
    (handle, metrics::set_default_local_recorder(recorder))
}

/// The value of a series, with its labels as they are exported.
pub(crate) fn value(handle: &PrometheusHandle, series: &str) -> Option<f64> {
    let text = handle.render();
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.map(|value| value.parse().unwrap())
}

#[track_caller]
pub(crate) fn is(handle: &PrometheusHandle, series: &str, expected: f64) {
    assert_eq!(
        value(handle, series),
        Some(expected),
        "{series}\n{}",
        handle.render()
    );
}

/// The names of all metrics, without what a histogram appends.
pub(crate) fn names(handle: &PrometheusHandle) -> BTreeSet<String> {
    let text = handle.render();
    let lines = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    lines
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}
