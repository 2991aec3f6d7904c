#include "filter_plan.hpp"

#include "strict.hpp"

#include <vecstore/payload/path.hpp>

#include <algorithm>
#include <optional>

namespace vecstore::detail {
namespace {

using field_index::ordinal_bitmap;

/// Above this many ordinals a set is asked as it is: as plain bits it would take longer to make than it saves.
constexpr ordinal_id bits_max = 1u << 22;
constexpr std::size_t ids_looked_up_max = 4'096;
constexpr std::size_t quorum_steps_max = 256;
/// Sets smaller than this are made about as fast as they are found.
constexpr std::uint64_t worth_keeping = 256;

/// What is known of an expression: a set that holds all its matches, or nothing (`all`); `exact`: and no others.
struct partial {
    bool all = true;
    bool exact = false;
    ordinal_bitmap set = {};

    [[nodiscard]] static partial nothing() { return {}; }
    [[nodiscard]] static partial everything() { return {true, true, {}}; }
    [[nodiscard]] static partial of(ordinal_bitmap set, bool exact = true) { return {false, exact, std::move(set)}; }
};

partial both(partial a, partial b) {
    if (a.all && b.all) return {true, a.exact && b.exact, {}};
    if (a.all || b.all) {
        auto& bounded = a.all ? b : a;
        bounded.exact = a.exact && b.exact;
        return std::move(bounded);
    }
    a.set &= b.set;
    a.exact = (a.exact && b.exact) || a.set.empty();
    return a;
}

partial either(partial a, partial b) {
    if (a.all || b.all) return {true, (a.all && a.exact) || (b.all && b.exact), {}};
    a.set |= b.set;
    a.exact = a.exact && b.exact;
    return a;
}

class evaluator {
public:
    explicit evaluator(read_session& session) : session_(session), fields_(*session.state().fields) {}

    result<partial> of(const filter::expression& e) {
        auto known = partial::everything();
        for (const auto& c : e.must) {
            VECSTORE_TRY(auto part, of(c));
            known = both(std::move(known), std::move(part));
            if (!known.all && known.set.empty()) return known;
        }
        for (const auto& c : e.must_not) {
            VECSTORE_TRY(auto part, of(c));
            known = both(std::move(known), inverse(std::move(part)));
        }
        if (!e.should.empty()) {
            VECSTORE_TRY(auto part, any(e.should));
            known = both(std::move(known), std::move(part));
        }
        for (const auto& quorum : e.at_least) {
            VECSTORE_TRY(auto part, of(quorum));
            known = both(std::move(known), std::move(part));
        }
        return known;
    }

private:
    result<partial> of(const filter::condition& c) {
        return std::visit([this](const auto& content) { return of_content(content); }, c.content);
    }
    template <class Content>
    result<partial> of_content(const Content&) {
        return partial::nothing();  // a kind of condition that is for the evaluator
    }
    result<partial> of_content(const filter::expression& inner) { return of(inner); }
    result<partial> of_content(const filter::field_condition& c) {
        const auto path = payload::path::parse(c.key);
        const auto* const field = path ? find_field(fields_, payload::to_string(*path)) : nullptr;
        if (field == nullptr) return partial::nothing();
        auto known = field->matches(c.test);
        return known ? partial::of(std::move(known->set), known->exact) : partial::nothing();
    }
    result<partial> of_content(const filter::has_id_condition& c) {
        if (c.ids.size() > ids_looked_up_max) return partial::nothing();
        std::vector<ordinal_id> found;
        for (const auto& id : c.ids) {
            VECSTORE_TRY(const auto ordinal, session_.find(id));
            if (ordinal) found.push_back(*ordinal);
        }
        std::sort(found.begin(), found.end());
        return partial::of(ordinal_bitmap::of(found));
    }

    result<partial> any(const std::vector<filter::condition>& list) {
        auto known = partial::of({});
        for (const auto& c : list) {
            VECSTORE_TRY(auto part, of(c));
            known = either(std::move(known), std::move(part));
            if (known.all) return known;
        }
        return known;
    }

    /// Sets of what holds at least 1, 2, ... times, one condition after the other.
    result<partial> of(const filter::min_should& quorum) {
        const auto& list = quorum.conditions;
        if (quorum.min_count > list.size()) return partial::of({});
        if (quorum.min_count == 1) return any(list);
        if (quorum.min_count * list.size() > quorum_steps_max) return partial::nothing();
        std::vector<ordinal_bitmap> holds(quorum.min_count);
        bool exact = true;
        for (const auto& c : list) {
            VECSTORE_TRY(const auto part, of(c));
            if (part.all) return partial::nothing();
            exact = exact && part.exact;
            for (std::size_t i = holds.size(); i-- > 0;) {
                auto once_more = part.set;
                if (i > 0) once_more &= holds[i - 1];
                holds[i] |= once_more;
            }
        }
        return partial::of(std::move(holds.back()), exact);
    }

    partial inverse(partial known) {
        if (!known.exact) return partial::nothing();
        if (known.all) return partial::of({});
        const auto* const covered = universe();
        if (covered == nullptr) return partial::nothing();
        auto rest = *covered;
        rest -= known.set;
        return partial::of(std::move(rest));
    }
    /// All that any index knows of; every complete one knows of all points that matter.
    const ordinal_bitmap* universe() {
        if (universe_) return &*universe_;
        for (const auto& field : fields_)
            if (field->usable()) return &universe_.emplace(field->covered());
        return nullptr;
    }

    read_session& session_;
    const field_list& fields_;
    std::optional<ordinal_bitmap> universe_;
};

}  // namespace

namespace {

/// What a set of points depends on besides the payload indexes: which ordinals ids have.
bool lists_ids(const filter::expression& e);
bool lists_ids(const filter::condition& c) {
    if (const auto* inner = std::get_if<filter::expression>(&c.content)) return lists_ids(*inner);
    return std::holds_alternative<filter::has_id_condition>(c.content);
}
bool lists_ids(const std::vector<filter::condition>& list) {
    return std::any_of(list.begin(), list.end(), [](const auto& c) { return lists_ids(c); });
}
bool lists_ids(const filter::expression& e) {
    return lists_ids(e.must) || lists_ids(e.must_not) || lists_ids(e.should) ||
           std::any_of(e.at_least.begin(), e.at_least.end(), [](const auto& q) { return lists_ids(q.conditions); });
}

result<std::shared_ptr<const known_matches>> known_of(read_session& session, const filter::expression& filter,
                                                      ordinal_id first_new) {
    const auto& fields = session.state().fields;
    auto& cache = session.collection().filters();
    if (auto kept = cache.find(fields, first_new, filter)) return kept;
    VECSTORE_TRY(auto answer, evaluator(session).of(filter));
    auto known = std::make_shared<known_matches>();
    known->bounded = !answer.all;
    known->exact = answer.exact;
    known->set = std::move(answer.set);
    known->size = known->set.cardinality(0, first_new);
    if (known->bounded && first_new <= bits_max) known->words = known->set.to_words(first_new);
    if (known->size >= worth_keeping && !lists_ids(filter)) cache.keep(fields, first_new, filter, known);
    return std::shared_ptr<const known_matches>(std::move(known));
}

}  // namespace

result<filter_plan> filter_plan::make(read_session& session, const filter::compiled& filter) {
    const auto& state = session.state();
    filter_plan plan;
    if (filter.source() != nullptr && session.collection().options().strict_filters)
        VECSTORE_CHECK(check_indexed(*filter.source(), *state.fields));
    const auto usable = [](const auto& field) { return field->usable(); };
    if (filter.source() == nullptr || std::none_of(state.fields->begin(), state.fields->end(), usable)) return plan;
    plan.changed_ = changed_points(state);
    VECSTORE_TRY(plan.known_, known_of(session, *filter.source(), plan.changed_.first_new()));
    if (plan.changed_.edited()) plan.add_edited(state);
    return plan;
}

void filter_plan::add_edited(const view& state) {
    words_ = known_->words;
    for (const auto& overlay : state.overlays)
        for (const auto* node = overlay->older_points().first(); node != nullptr; node = node->next())
            if (node->key / 64 < words_.size()) words_[node->key / 64] |= std::uint64_t{1} << (node->key % 64);
}

std::vector<ordinal_id> filter_plan::some_between(ordinal_id first, ordinal_id last, std::size_t count) const {
    const auto below = known_->set.cardinality(0, first), members = members_between(first, last);
    std::vector<ordinal_id> some;
    const auto wanted = std::min<std::uint64_t>(count, members);
    for (std::uint64_t i = 0; i < wanted; ++i)
        some.push_back(known_->set.select(below + (2 * i + 1) * members / (2 * wanted)));
    return some;
}

std::uint64_t filter_plan::sure_matches(const read_session& session) const {
    if (!changed_.edited() && session.state().deaths->count() == 0) return known_->size;
    std::uint64_t matches = 0;
    known_->set.for_each([&](ordinal_id ordinal) {
        if (ordinal >= changed_.first_new()) return false;
        matches += session.visible(ordinal) && !(changed_.edited() && changed_.contains(ordinal));
        return true;
    });
    return matches;
}

}  // namespace vecstore::detail
