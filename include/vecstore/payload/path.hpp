/// Paths into a payload: `key`, `a.b`, `a[0].b`, `a[].b`, `"quoted.key"`.
/// Keys are letters, digits, `_` and `-`; anything else needs double quotes (which cannot be part of a key).
/// `a.b` does not step into arrays, `a[].b` does, and `a[0]` takes one element. The last `[]` of `a[]` reaches the
/// elements, while `a` reaches the array itself.
/// Thread safety: plain values; const access from any number of threads.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/payload/value.hpp>
#include <vecstore/payload/view.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore::payload {

class path {
public:
    enum class step_kind : std::uint8_t { key, index, all };
    struct step {
        step_kind kind = step_kind::key;
        std::string key;        ///< for step_kind::key
        std::size_t index = 0;  ///< for step_kind::index
        friend bool operator==(const step&, const step&) = default;
    };

    /// Errors: invalid_argument with the text and the byte offset inside it.
    [[nodiscard]] static result<path> parse(std::string_view text);

    /// At least one; the first is a key.
    [[nodiscard]] std::span<const step> steps() const noexcept { return steps_; }
    friend bool operator==(const path&, const path&) = default;

    /// Calls `visit(view)` for each value that the path reaches, until it returns true; returns whether it did.
    template <class Visit>
    bool any_of(view root, Visit&& visit) const {
        return walk(steps_, root, visit);
    }

private:
    template <class Visit>
    static bool walk(std::span<const step> steps, view at, Visit& visit);
    std::vector<step> steps_;
};

/// The text that parses to the same path; keys are quoted where needed.
[[nodiscard]] std::string to_string(const path& where);

/// Merges `content` key by key into the object at `where`, replacing the values of keys that are there. Objects are
/// created on the way and values that are no objects replaced by them; `[0]` and `[]` apply to elements that exist.
void set(document& root, const path& where, const document& content);

/// Removes the member at `where`; `a[]` empties the array, `a[0]` does nothing. Returns whether something changed.
bool erase(document& root, const path& where);

template <class Visit>
bool path::walk(std::span<const step> steps, view at, Visit& visit) {
    for (; !steps.empty() && steps.front().kind == step_kind::key; steps = steps.subspan(1)) {
        const auto next = at.find(steps.front().key);
        if (!next) return false;
        at = *next;
    }
    if (steps.empty()) return visit(at);
    const auto& front = steps.front();
    std::size_t index = 0;
    for (const auto element : at.elements()) {
        const bool wanted = front.kind == step_kind::all || index == front.index;
        if (wanted && walk(steps.subspan(1), element, visit)) return true;
        if (front.kind == step_kind::index && index == front.index) break;
        ++index;
    }
    return false;
}

}  // namespace vecstore::payload
