#include "distance/table_list.hpp"

#include <vecstore/quantization/code_kernels.hpp>

namespace vecstore::quantization {

extern const kernel_table kernels_baseline;
#if defined(__x86_64__) || defined(__i386__)
extern const kernel_table kernels_avx2;
extern const kernel_table kernels_avx512;
extern const kernel_table kernels_avx512_vnni;
#elif defined(__aarch64__)
extern const kernel_table kernels_neon;
#endif

namespace {

using distance::detail::table_list;

table_list<kernel_table> detect() noexcept {
    table_list<kernel_table> list;
    list.add(kernels_baseline);
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
    const bool avx2 =
        __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("popcnt");
    if (avx2) list.add(kernels_avx2);
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) {
        list.add(kernels_avx512);
        if (__builtin_cpu_supports("avx512vnni")) list.add(kernels_avx512_vnni);
    }
#elif defined(__aarch64__)
    list.add(kernels_neon);
#endif
    return list;
}

const table_list<kernel_table>& detected() noexcept {
    static const table_list<kernel_table> list = detect();
    return list;
}

}  // namespace

const kernel_table& active_kernels() noexcept {
    static const kernel_table& chosen = detected().chosen();
    return chosen;
}

std::span<const kernel_table* const> available_kernels() noexcept { return detected().all(); }

}  // namespace vecstore::quantization
