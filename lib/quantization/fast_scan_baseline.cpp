// The form that every processor of the target can run.
#include <vecstore/quantization/fast_scan_simd.hpp>

namespace vecstore::quantization {

extern const fast_scan_kernels fast_scan_baseline;
#if defined(__SSE2__)
const fast_scan_kernels fast_scan_baseline = detail::make_fast_scan<arch::sse2>();
#else
const fast_scan_kernels fast_scan_baseline = detail::make_fast_scan<arch::scalar>();
#endif

}  // namespace vecstore::quantization
