// Built with flags for one instruction set; includes nothing else, so that no shared inline function is compiled with
// them.
#include <vecstore/quantization/fast_scan_simd.hpp>

namespace vecstore::quantization {

extern const fast_scan_kernels fast_scan_avx512;
const fast_scan_kernels fast_scan_avx512 = detail::make_fast_scan<arch::avx512>();

}  // namespace vecstore::quantization
