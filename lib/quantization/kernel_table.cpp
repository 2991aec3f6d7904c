#include <vecstore/quantization/code_kernels.hpp>

#include <array>
#include <cstdlib>

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

struct table_list {
    std::array<const kernel_table*, 4> tables{};
    std::size_t count = 0;
    void add(const kernel_table& table) noexcept { tables[count++] = &table; }
};

table_list detect() noexcept {
    table_list list;
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

const table_list& detected() noexcept {
    static const table_list list = detect();
    return list;
}

const kernel_table& choose() noexcept {
    const auto& list = detected();
    const char* forced = std::getenv("VECSTORE_FORCE_ARCH");
    if (forced != nullptr)
        for (std::size_t i = 0; i < list.count; ++i)
            if (list.tables[i]->name == forced) return *list.tables[i];
    return *list.tables[list.count - 1];
}

}  // namespace

const kernel_table& active_kernels() noexcept {
    static const kernel_table& chosen = choose();
    return chosen;
}

std::span<const kernel_table* const> available_kernels() noexcept {
    return {detected().tables.data(), detected().count};
}

}  // namespace vecstore::quantization
