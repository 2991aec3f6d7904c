#include <vecstore/core/limits.hpp>
#include <vecstore/payload/path.hpp>

#include <algorithm>
#include <charconv>

namespace vecstore::payload {
namespace {

using step = path::step;
using step_kind = path::step_kind;

/// Bytes above 0x7F belong to letters of other scripts and need no quotes.
bool is_bare(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           static_cast<unsigned char>(c) >= 0x80;
}

bool is_bare(std::string_view key) noexcept {
    return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) { return is_bare(c); });
}

class parser {
public:
    explicit parser(std::string_view text) noexcept : text_(text) {}

    result<std::vector<step>> parse() {
        VECSTORE_CHECK(key());
        while (at_ < text_.size()) {
            if (steps_.size() == payload_depth_max) return bad("more steps than a payload is deep");
            if (take('.')) {
                VECSTORE_CHECK(key());
            } else if (take('[')) {
                VECSTORE_CHECK(bracket());
            } else {
                return bad("a character that needs quotes, or no '.' or '[' between steps");
            }
        }
        return std::move(steps_);
    }

private:
    bool take(char c) noexcept {
        const bool is_next = at_ < text_.size() && text_[at_] == c;
        at_ += is_next;
        return is_next;
    }

    result<void> key() {
        std::size_t end = 0;
        if (take('"')) {
            end = text_.find('"', at_);
            if (end == std::string_view::npos) return bad("the quote is not closed");
            steps_.push_back({step_kind::key, std::string(text_.substr(at_, end - at_)), 0});
            at_ = end + 1;
            return {};
        }
        for (end = at_; end < text_.size() && is_bare(text_[end]);) ++end;
        if (end == at_) return bad("a key is missing, or needs quotes");
        steps_.push_back({step_kind::key, std::string(text_.substr(at_, end - at_)), 0});
        at_ = end;
        return {};
    }

    result<void> bracket() {
        if (take(']')) {
            steps_.push_back({step_kind::all, {}, 0});
            return {};
        }
        std::size_t index = 0;
        const auto read = std::from_chars(text_.data() + at_, text_.data() + text_.size(), index);
        if (read.ec != std::errc{}) return bad("an array index must be a number");
        at_ = static_cast<std::size_t>(read.ptr - text_.data());
        if (!take(']')) return bad("']' is missing");
        steps_.push_back({step_kind::index, {}, index});
        return {};
    }

    [[nodiscard]] error bad(std::string_view reason) const {
        constexpr std::size_t shown_bytes_max = 200;
        return invalid_argument("path '" + std::string(text_.substr(0, shown_bytes_max)) + "', byte " +
                                std::to_string(at_) + ": " + std::string(reason));
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::vector<step> steps_;
};

void merge(document& into, const document& content) {
    for (const auto& [key, inner] : content) into.set(key, inner);
}

bool needs_array(std::span<const step> steps) noexcept {
    return std::any_of(steps.begin(), steps.end(), [](const step& s) { return s.kind != step_kind::key; });
}

/// Calls `each(value&)` for the elements that the step chooses.
template <class Each>
void for_elements(value::array& items, const step& chosen, Each each) {
    if (chosen.kind == step_kind::all) {
        for (auto& item : items) each(item);
    } else if (chosen.index < items.size()) {
        each(items[chosen.index]);
    }
}

void set_at(value& at, std::span<const step> steps, const document& content) {
    if (!steps.empty() && steps.front().kind != step_kind::key) {
        if (auto* items = at.if_array())
            for_elements(*items, steps.front(), [&](value& item) { set_at(item, steps.subspan(1), content); });
        return;
    }
    if (!at.is_object()) {
        // A path through elements that do not exist changes nothing, so it must not make the objects before them.
        if (needs_array(steps)) return;
        at = document();
    }
    auto& object = *at.if_object();
    if (steps.empty()) return merge(object, content);
    auto* next = object.find(steps.front().key);
    if (!next && needs_array(steps.subspan(1))) return;
    if (!next) next = &object.append(steps.front().key, document());
    set_at(*next, steps.subspan(1), content);
}

bool erase_in(document& object, std::span<const step> steps);

bool erase_at(value& at, std::span<const step> steps) {
    if (steps.front().kind == step_kind::key) return at.is_object() && erase_in(*at.if_object(), steps);
    auto* items = at.if_array();
    if (!items) return false;
    if (steps.size() == 1) {
        if (steps.front().kind == step_kind::index || items->empty()) return false;
        items->clear();
        return true;
    }
    bool changed = false;
    for_elements(*items, steps.front(), [&](value& item) { changed |= erase_at(item, steps.subspan(1)); });
    return changed;
}

bool erase_in(document& object, std::span<const step> steps) {
    if (steps.size() == 1) return object.erase(steps.front().key);
    auto* next = object.find(steps.front().key);
    return next && erase_at(*next, steps.subspan(1));
}

}  // namespace

result<path> path::parse(std::string_view text) {
    path parsed;
    VECSTORE_TRY(parsed.steps_, parser(text).parse());
    return parsed;
}

std::string to_string(const path& where) {
    std::string text;
    for (const auto& s : where.steps()) {
        if (s.kind == step_kind::all) {
            text += "[]";
        } else if (s.kind == step_kind::index) {
            text += "[" + std::to_string(s.index) + "]";
        } else {
            if (!text.empty()) text += '.';
            text += is_bare(s.key) ? s.key : "\"" + s.key + "\"";
        }
    }
    return text;
}

void set(document& root, const path& where, const document& content) {
    value all(std::move(root));
    set_at(all, where.steps(), content);
    root = std::move(*all.if_object());
}

bool erase(document& root, const path& where) { return erase_in(root, where.steps()); }

}  // namespace vecstore::payload
