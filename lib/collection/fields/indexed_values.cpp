#include "indexed_values.hpp"

namespace vecstore::detail {

using field_index::dictionary;
using field_index::ordinal_bitmap;

namespace {

template <class Answer>
Answer noting(const indexed_values::run& from, Answer answer) {
    if (!answer && answer.error().code == errc::corruption) from.content->note_damage();
    return answer;
}

}  // namespace

std::optional<indexed_values> indexed_values::make(const read_session& session, const indexed_field* field) {
    if (field == nullptr || !field->usable()) return std::nullopt;
    indexed_values known;
    known.changed_ = changed_points(session.state());
    const auto end = known.changed_.first_new();
    const bool untouched = !known.changed_.edited() && session.state().deaths->count() == 0;
    ordinal_bitmap newer;
    for (auto each = field->runs().rbegin(); each != field->runs().rend(); ++each) {
        const auto& content = *each->content;
        run r{&content, content.covered(), false};
        r.speaks_for -= newer;
        newer |= content.covered();
        if (untouched && content.head().last < end && content.others().empty()) {
            r.all = r.speaks_for.cardinality() == content.head().points;
            known.runs_.push_back(std::move(r));
            continue;
        }
        ordinal_list spoken;
        r.speaks_for.for_each([&](ordinal_id ordinal) {
            if (ordinal >= end) return false;
            if (!session.visible(ordinal) || known.changed_.contains(ordinal)) return true;
            (content.others().contains(ordinal) ? known.others_ : spoken).push_back(ordinal);
            return true;
        });
        r.speaks_for = ordinal_bitmap::of(spoken);
        known.runs_.push_back(std::move(r));
    }
    return known;
}

result<const dictionary*> values_of(const indexed_values::run& from, field_index::dictionary_kind kind) {
    return noting(from, from.content->values(kind));
}

result<void> read_points(const indexed_values::run& from, const dictionary& in, std::uint64_t rank,
                         ordinal_list& points) {
    std::vector<ordinal_bitmap> sets;
    points.clear();
    VECSTORE_CHECK(noting(from, in.collect(from.content->file(), rank, rank + 1, sets, points)));
    for (const auto& set : sets) {
        const auto members = set.to_vector();
        points.insert(points.end(), members.begin(), members.end());
    }
    if (!from.all) std::erase_if(points, [&](auto ordinal) { return !from.speaks_for.contains(ordinal); });
    return {};
}

result<std::uint64_t> count_points(const indexed_values::run& from, const dictionary& in, std::uint64_t rank,
                                   const ordinal_bitmap& among) {
    std::vector<ordinal_bitmap> sets;
    ordinal_list points;
    VECSTORE_CHECK(noting(from, in.collect(from.content->file(), rank, rank + 1, sets, points)));
    std::uint64_t count = 0;
    for (const auto ordinal : points) count += among.contains(ordinal);
    for (const auto& set : sets) count += set.common(among);
    return count;
}

}  // namespace vecstore::detail
