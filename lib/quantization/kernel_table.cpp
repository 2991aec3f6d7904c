#include <vecstore/quantization/code_kernels.hpp>

#include <array>
#include <cstdlib>

namespace vecstore::quantization {

extern const kernel_table kernels_baseline;

namespace {

struct table_list {
    std::array<const kernel_table*, 4> tables{};
    std::size_t count = 0;
    void add(const kernel_table& table) noexcept { tables[count++] = &table; }
};

table_list detect() noexcept {
    table_list list;
    list.add(kernels_baseline);
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
