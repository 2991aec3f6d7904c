#include <vecstore/payload/selector.hpp>

namespace vecstore::payload {
namespace {

using step = path::step;
using step_kind = path::step_kind;

/// What is left of each path below the value at hand.
using rests = std::vector<std::span<const step>>;

/// The rests of those paths that go on with this member or element.
template <class Fits>
rests descend(const rests& paths, Fits fits) {
    rests below;
    for (const auto& steps : paths)
        if (!steps.empty() && fits(steps.front())) below.push_back(steps.subspan(1));
    return below;
}

rests descend(const rests& paths, std::string_view key) {
    return descend(paths, [&](const step& s) { return s.kind == step_kind::key && s.key == key; });
}

rests descend(const rests& paths, std::size_t index) {
    return descend(paths, [&](const step& s) {
        return s.kind == step_kind::all || (s.kind == step_kind::index && s.index == index);
    });
}

bool any_ends(const rests& paths) {
    for (const auto& steps : paths)
        if (steps.empty()) return true;
    return false;
}

/// Whether some path goes on in the way this value can be stepped into.
bool any_enters(const rests& paths, view at) {
    for (const auto& steps : paths)
        if (steps.front().kind == step_kind::key ? at.is_object() : at.is_array()) return true;
    return false;
}

/// Rebuilds an object or array from what `choose(child, rests)` gives for each child; nothing drops the child.
template <class Choose>
value rebuild(view at, const rests& paths, Choose choose) {
    if (at.is_array()) {
        value::array items;
        std::size_t index = 0;
        for (const auto element : at.elements())
            if (auto kept = choose(element, descend(paths, index++))) items.push_back(*std::move(kept));
        return items;
    }
    document object;
    for (const auto& [key, inner] : at.members())
        if (auto kept = choose(inner, descend(paths, key))) object.append(std::string(key), *std::move(kept));
    return object;
}

std::optional<value> included(view at, const rests& paths) {
    if (any_ends(paths)) return at.to_value();
    if (!any_enters(paths, at)) return std::nullopt;
    return rebuild(at, paths, included);
}

std::optional<value> not_excluded(view at, const rests& paths) {
    if (any_ends(paths)) return std::nullopt;
    if (!any_enters(paths, at)) return at.to_value();
    return rebuild(at, paths, not_excluded);
}

result<std::vector<path>> parse_all(std::span<const std::string> texts) {
    std::vector<path> paths;
    paths.reserve(texts.size());
    for (const auto& text : texts) {
        VECSTORE_TRY(auto parsed, path::parse(text));
        paths.push_back(std::move(parsed));
    }
    return paths;
}

}  // namespace

result<selector> selector::include(std::span<const std::string> paths) {
    VECSTORE_TRY(auto parsed, parse_all(paths));
    return selector(mode::include, std::move(parsed));
}

result<selector> selector::exclude(std::span<const std::string> paths) {
    VECSTORE_TRY(auto parsed, parse_all(paths));
    return selector(mode::exclude, std::move(parsed));
}

document selector::apply(view content) const {
    if (mode_ == mode::nothing) return {};
    if (mode_ == mode::all) return content.to_document();
    rests paths;
    for (const auto& p : paths_) paths.push_back(p.steps());
    auto kept = rebuild(content, paths, mode_ == mode::include ? included : not_excluded);
    return std::move(*kept.if_object());
}

}  // namespace vecstore::payload
