/// A filter made ready to be asked about many points: paths parsed, lists sorted, constants in place.
/// It reads encoded payloads in place and copies nothing.
#pragma once

#include <vecstore/core/point_id.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/filter/expression.hpp>
#include <vecstore/payload/view.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace vecstore::filter {

namespace detail {
struct program;
}

/// Answers whether the point that a filter is asked about has a vector of some name. Refers to the function that it was
/// made of, and lives no longer than that; by default it says no.
/// Thread safety: that of the function.
class vector_presence {
public:
    vector_presence() noexcept = default;
    template <class Has>
        requires(std::is_nothrow_invocable_r_v<bool, const Has&, std::string_view> &&
                 !std::same_as<Has, vector_presence>)
    vector_presence(const Has& has)
    noexcept  // NOLINT: implicit by design
        : has_(&has), ask_([](const void* asked, std::string_view name) noexcept {
              return static_cast<bool>((*static_cast<const Has*>(asked))(name));
          }) {}

    [[nodiscard]] bool operator()(std::string_view name) const noexcept { return has_ != nullptr && ask_(has_, name); }

private:
    const void* has_ = nullptr;
    bool (*ask_)(const void*, std::string_view) noexcept = nullptr;
};

/// A test of texts that is not letter by letter, because the field has words or spellings of its own.
/// Thread safety: immutable.
class text_rule {
public:
    virtual ~text_rule() = default;
    /// May throw std::bad_alloc.
    [[nodiscard]] virtual bool holds(std::string_view text) const = 0;

protected:
    text_rule() = default;
    text_rule(const text_rule&) = default;
    text_rule& operator=(const text_rule&) = default;
};

/// Gives the rule for a test of the field at a path, as payload::to_string writes it; null: letter by letter.
using text_rules = std::function<std::shared_ptr<const text_rule>(const std::string& path, const field_test& test)>;

/// Thread safety: immutable; one object may be asked from any number of threads. Copies share their content.
class compiled {
public:
    /// Lets every point pass.
    compiled() noexcept = default;

    /// Errors: invalid_argument, as `validate`.
    /// Cost: O(n log n) in the size of the expression.
    [[nodiscard]] static result<compiled> compile(const expression& filter) { return compile(filter, {}); }
    /// The same, with rules for some fields; inside of `nested` the path is that from the point's payload on (`list[].key`).
    /// They are for match value, any and except of texts, and for text, text_any and phrase; other tests have none.
    [[nodiscard]] static result<compiled> compile(const expression& filter, const text_rules& rules);

    /// Whether the point passes. `content` is its payload, the empty document when it has none; `vectors` is asked by
    /// has_vector alone.
    /// Cost: about one walk over the top level of the payload for each condition; no allocation but by rules.
    [[nodiscard]] bool operator()(const point_id& id, payload::view content,
                                  vector_presence vectors = {}) const noexcept;

    /// True when every point passes, so that no payload need be read.
    [[nodiscard]] bool passes_all() const noexcept { return program_ == nullptr; }
    /// False when the answer depends on id and vectors alone.
    [[nodiscard]] bool reads_payload() const noexcept;
    /// When only listed ids can pass (a has_id that is required at the top level): the shortest such list, ascending
    /// and without repeats. Borrows from this object and its copies.
    [[nodiscard]] std::optional<std::span<const point_id>> required_ids() const noexcept;

    /// What it was compiled from; null when every point passes. Borrows from this object and its copies.
    [[nodiscard]] const expression* source() const noexcept { return source_.get(); }

private:
    std::shared_ptr<const expression> source_;
    std::shared_ptr<const detail::program> program_;  // null: no constraint
};

}  // namespace vecstore::filter
