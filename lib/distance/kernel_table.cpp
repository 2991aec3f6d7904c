#include <vecstore/distance/kernel_table.hpp>

#include <array>
#include <cstdlib>

namespace vecstore::distance {

#if defined(__x86_64__) || defined(__i386__)
#define VECSTORE_X86 1
#endif

extern const kernel_table kernels_baseline;
#ifdef VECSTORE_X86
extern const kernel_table kernels_avx2;
extern const kernel_table kernels_avx512;
#elif defined(__aarch64__)
extern const kernel_table kernels_neon;
#endif

namespace {

struct table_list {
    std::array<const kernel_table*, 3> tables{};
    std::size_t count = 0;
    void add(const kernel_table& table) noexcept { tables[count++] = &table; }
};

table_list detect() noexcept {
    table_list list;
    list.add(kernels_baseline);
#ifdef VECSTORE_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) list.add(kernels_avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma"))
        list.add(kernels_avx512);
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

}  // namespace vecstore::distance
