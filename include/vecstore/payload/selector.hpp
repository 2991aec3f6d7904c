/// Which part of a payload a query returns: all, nothing, only some paths, or all but some paths.
/// `.with_payload = false` and `.with_payload = true` work as they read.
/// Thread safety: plain values; const access from any number of threads.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/payload/path.hpp>
#include <vecstore/payload/value.hpp>
#include <vecstore/payload/view.hpp>

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace vecstore::payload {

class selector {
public:
    enum class mode : std::uint8_t { nothing, all, include, exclude };

    /// Everything.
    selector() noexcept = default;
    selector(std::same_as<bool> auto everything) noexcept  // NOLINT: implicit by design
        : mode_(everything ? mode::all : mode::nothing) {}

    /// Only these paths, with the objects and arrays on the way to them; a path includes what is below it.
    /// Errors: invalid_argument (a path does not parse).
    [[nodiscard]] static result<selector> include(std::span<const std::string> paths);
    [[nodiscard]] static result<selector> include(std::initializer_list<std::string> paths) {
        return include(std::span(paths.begin(), paths.size()));
    }
    /// Everything but these paths. Errors: invalid_argument (a path does not parse).
    [[nodiscard]] static result<selector> exclude(std::span<const std::string> paths);
    [[nodiscard]] static result<selector> exclude(std::initializer_list<std::string> paths) {
        return exclude(std::span(paths.begin(), paths.size()));
    }

    /// A copy of the selected part of the payload `content`.
    [[nodiscard]] document apply(view content) const;

    [[nodiscard]] mode selected() const noexcept { return mode_; }
    /// False when `apply` gives the empty document for every payload, which then need not be read.
    [[nodiscard]] bool reads_payload() const noexcept { return mode_ != mode::nothing; }

private:
    selector(mode chosen, std::vector<path> paths) noexcept : mode_(chosen), paths_(std::move(paths)) {}
    mode mode_ = mode::all;
    std::vector<path> paths_;
};

}  // namespace vecstore::payload
