#include "distance/table_list.hpp"

#include <vecstore/distance/kernel_table.hpp>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#define VECSTORE_X86 1
#endif

namespace vecstore::distance {

extern const kernel_table kernels_baseline;
#ifdef VECSTORE_X86
extern const kernel_table kernels_avx2;
extern const kernel_table kernels_avx512;
extern const kernel hamming_avx512_popcount;
#elif defined(__aarch64__)
extern const kernel_table kernels_neon;
#endif

namespace {

using detail::table_list;

#ifdef VECSTORE_X86
/// Not among the names that clang 14's __builtin_cpu_supports knows. Whoever can run AVX2 has the state it needs.
bool has_f16c() noexcept {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

/// avx512 with the one kernel that newer processors do better.
const kernel_table& avx512_popcount() noexcept {
    static const kernel_table table = [] {
        auto made = kernels_avx512;
        made.name = "avx512_popcount";
        made.hamming = hamming_avx512_popcount;
        return made;
    }();
    return table;
}
#endif

table_list<kernel_table> detect() noexcept {
    table_list<kernel_table> list;
    list.add(kernels_baseline);
#ifdef VECSTORE_X86
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("popcnt") && has_f16c();
    if (avx2) list.add(kernels_avx2);
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) {
        list.add(kernels_avx512);
        if (__builtin_cpu_supports("avx512vpopcntdq")) list.add(avx512_popcount());
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

}  // namespace vecstore::distance
