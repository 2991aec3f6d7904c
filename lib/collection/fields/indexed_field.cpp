#include "indexed_field.hpp"

#include <field_index/segment.hpp>

#include <algorithm>

namespace vecstore::detail {

using field_index::ordinal_bitmap;

namespace {

/// What a run says; nothing when it cannot tell, also because it is damaged: then payloads are looked at.
template <class T>
std::optional<T> known(const field_run& run, result<std::optional<T>> said) {
    if (said) return *std::move(said);
    if (said.error().code == errc::corruption) run.content->note_damage();
    return std::nullopt;
}

auto place_of(const field_list& fields, std::string_view path) {
    return std::lower_bound(fields.begin(), fields.end(), path,
                            [](const auto& field, std::string_view wanted) { return field->path() < wanted; });
}

}  // namespace

indexed_field::indexed_field(std::uint64_t id, std::string path, field_schema schema, run_list runs, bool complete)
    : id_(id), path_(std::move(path)), schema_(std::move(schema)), runs_(std::move(runs)), complete_(complete) {
    if (schema_.kind != field_kind::text) return;
    if (auto made = text::analyzer::create(schema_.analyzer)) analyzer_ = *std::move(made);  // it was checked
}

bool indexed_field::usable() const noexcept {
    return complete_ && std::none_of(runs_.begin(), runs_.end(), [](const auto& r) { return r.content->damaged(); });
}

std::shared_ptr<const filter::text_rule> indexed_field::rule_for(const field_test& test) const {
    return field_index::rule_for(schema_, analyzer_ ? &*analyzer_ : nullptr, test);
}

/// Calls `ask(run)`, which gives a result<optional<answer>>.
template <class Ask>
std::optional<indexed_field::answer> indexed_field::join(const Ask& ask) const {
    answer all;
    ordinal_bitmap newer;
    for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) {
        auto said = known(*run, ask(*run->content));
        if (!said) return std::nullopt;
        said->set -= newer;
        all.exact = all.exact && said->exact;
        if (all.set.empty())
            all.set = std::move(said->set);
        else
            all.set |= said->set;
        if (std::next(run) != runs_.rend()) newer |= run->content->covered();
    }
    return all;
}

std::optional<indexed_field::answer> indexed_field::matches(const field_test& test) const {
    if (!usable()) return std::nullopt;
    using field_index::segment;
    if (schema_.kind == field_kind::text && analyzer_)
        if (const auto rule = field_index::token_rule::make(*analyzer_, test))
            return join([&](const segment& content) -> result<std::optional<answer>> {
                VECSTORE_TRY(auto found, content.matches(*rule));
                return std::optional(answer{std::move(found.set), found.exact});
            });
    const auto asked = schema_.kind == field_kind::uuid ? field_index::canonical_uuids(test) : test;
    return join([&](const segment& content) -> result<std::optional<answer>> {
        VECSTORE_TRY(auto found, content.matches(asked));
        return found ? std::optional(answer{*std::move(found), true}) : std::nullopt;
    });
}

std::optional<std::uint64_t> indexed_field::count_at_most(const field_test& test) const {
    if (!usable()) return std::nullopt;
    std::uint64_t sum = 0;
    for (const auto& run : runs_) {
        const auto said = known(run, run.content->count_at_most(test));
        if (!said) return std::nullopt;
        sum += *said;
    }
    return sum;
}

ordinal_bitmap indexed_field::covered() const {
    ordinal_bitmap all;
    for (const auto& run : runs_) all |= run.content->covered();
    return all;
}

const indexed_field* find_field(const field_list& fields, std::string_view path) noexcept {
    const auto at = place_of(fields, path);
    return at != fields.end() && (*at)->path() == path ? at->get() : nullptr;
}

std::shared_ptr<const field_list> with_field(const field_list& fields, std::shared_ptr<const indexed_field> field) {
    auto changed = std::make_shared<field_list>(fields);
    const auto place = place_of(fields, field->path()) - fields.begin();
    const auto at = changed->begin() + place;
    if (at != changed->end() && (*at)->path() == field->path())
        *at = std::move(field);
    else
        changed->insert(at, std::move(field));
    return changed;
}

std::shared_ptr<const field_list> without_field(const field_list& fields, std::string_view path) {
    auto changed = std::make_shared<field_list>(fields);
    std::erase_if(*changed, [&](const auto& field) { return field->path() == path; });
    return changed;
}

}  // namespace vecstore::detail
