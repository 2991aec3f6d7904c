#include <vecstore/distance/kernel_table.hpp>
#include <vecstore/quantization/fast_scan.hpp>

#include <array>

namespace vecstore::quantization {

extern const fast_scan_kernels fast_scan_baseline;
#if defined(__x86_64__) || defined(__i386__)
extern const fast_scan_kernels fast_scan_avx2;
extern const fast_scan_kernels fast_scan_avx512;
#elif defined(__aarch64__)
extern const fast_scan_kernels fast_scan_neon;
#endif

namespace {

const fast_scan_kernels& named([[maybe_unused]] std::string_view name) noexcept {
#if defined(__x86_64__) || defined(__i386__)
    if (name.starts_with(fast_scan_avx512.name)) return fast_scan_avx512;  // with or without further extensions
    if (name == fast_scan_avx2.name) return fast_scan_avx2;
#elif defined(__aarch64__)
    if (name == fast_scan_neon.name) return fast_scan_neon;
#endif
    return fast_scan_baseline;
}

struct table_list {
    std::array<const fast_scan_kernels*, 8> tables{};
    std::size_t count = 0;
};

/// What the processor can run is asked once, by the distance kernels; several tables there may share one here.
table_list detect() noexcept {
    table_list list;
    for (const auto* kernels : distance::available_kernels()) {
        const auto* table = &named(kernels->name);
        if (list.count == 0 || (list.tables[list.count - 1] != table && list.count < list.tables.size()))
            list.tables[list.count++] = table;
    }
    return list;
}

}  // namespace

const fast_scan_kernels& active_fast_scan() noexcept {
    static const auto& chosen = named(distance::active_kernels().name);
    return chosen;
}

std::span<const fast_scan_kernels* const> available_fast_scans() noexcept {
    static const table_list list = detect();
    return {list.tables.data(), list.count};
}

}  // namespace vecstore::quantization
