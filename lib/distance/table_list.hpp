/// The tables of kernels that this processor can run, and the one that is used.
/// Thread safety: constant once filled.
#pragma once

#include <array>
#include <cstddef>
#include <cstdlib>
#include <span>

namespace vecstore::distance::detail {

/// `Table` has a `name`.
template <class Table>
class table_list {
public:
    /// The plainest first. Precondition: fewer than `tables_max` were added.
    void add(const Table& table) noexcept { tables_[count_++] = &table; }
    [[nodiscard]] std::span<const Table* const> all() const noexcept { return {tables_.data(), count_}; }
    /// The one that VECSTORE_FORCE_ARCH names, if it is here, or else the last. Precondition: not empty.
    [[nodiscard]] const Table& chosen() const noexcept {
        const char* forced = std::getenv("VECSTORE_FORCE_ARCH");
        if (forced != nullptr)
            for (const auto* table : all())
                if (table->name == forced) return *table;
        return *tables_[count_ - 1];
    }

private:
    static constexpr std::size_t tables_max = 4;

    std::array<const Table*, tables_max> tables_{};
    std::size_t count_ = 0;
};

}  // namespace vecstore::distance::detail
