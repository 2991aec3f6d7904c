#include "element_tests.hpp"
#include "overloaded.hpp"

#include <vecstore/core/siphash.hpp>
#include <vecstore/filter/evaluate.hpp>
#include <vecstore/payload/path.hpp>

#include <algorithm>

namespace vecstore::filter {
namespace detail {

/// What a filter is asked about.
struct subject {
    const point_id* id;  ///< null: an element of a payload, which is no point
    payload::view content;
    const vector_presence* vectors;
};

struct element_check {
    payload::path where;
    element_test test;

    bool operator()(payload::view content) const noexcept {
        return std::visit([&](const auto& holds) { return any_element(content, holds); }, test);
    }

private:
    template <class Test>
    bool any_element(payload::view content, const Test& holds) const noexcept {
        return where.any_of(content, [&](payload::view reached) {
            if (!reached.is_array()) return holds(reached);
            for (const auto element : reached.elements())
                if (holds(element)) return true;
            return false;
        });
    }
};

struct empty_check {
    payload::path where;
    bool wanted;
    bool operator()(payload::view content) const noexcept {
        const bool holds_something = where.any_of(content, [](payload::view reached) {
            return !reached.is_null() && !(reached.is_array() && reached.size() == 0);
        });
        return holds_something != wanted;
    }
};

struct null_check {
    payload::path where;
    bool wanted;
    bool operator()(payload::view content) const noexcept {
        const bool holds_null = where.any_of(content, [](payload::view reached) {
            if (reached.is_null()) return true;
            for (const auto element : reached.elements())
                if (element.is_null()) return true;
            return false;
        });
        return holds_null == wanted;
    }
};

/// How many values the field has, not a test of each of them.
struct count_check {
    payload::path where;
    values_count bounds;
    bool operator()(payload::view content) const noexcept {
        bool present = false;
        const bool holds = where.any_of(content, [&](payload::view reached) {
            present = true;
            const std::uint64_t count = reached.is_array() ? reached.size() : reached.is_null() ? 0 : 1;
            return is_within(bounds, count);
        });
        return present ? holds : is_within(bounds, std::uint64_t{0});
    }
};

using id_check = sorted_list<point_id>;
struct program;
struct nested_check {
    payload::path where;  ///< ends with []
    std::unique_ptr<program> inner;
};

/// What needs no payload comes first, and what is cheap before what is not.
using node = std::variant<id_check, slice_condition, has_vector_condition, element_check, empty_check, null_check,
                          count_check, std::unique_ptr<program>, nested_check>;

struct quorum {
    std::vector<node> nodes;
    std::size_t min_count;
};

struct program {
    std::vector<node> must, should, must_not;
    std::vector<quorum> at_least;
    bool reads_payload = false;  // in this or in an inner program

    [[nodiscard]] bool passes(const subject& asked) const noexcept;
};

namespace {

bool is_in_slice(const point_id& id, const slice_condition& slice) noexcept {
    if (id.is_uuid()) {
        const auto bytes = id.uuid().bytes;
        return siphash24(std::as_bytes(std::span(bytes))) % slice.total == slice.index;
    }
    std::array<std::byte, 8> bytes{};
    store_le(bytes.data(), id.number());
    return siphash24(bytes) % slice.total == slice.index;
}

struct asker {
    const subject& asked;

    bool operator()(const id_check& ids) const noexcept { return asked.id != nullptr && ids.contains(*asked.id); }
    bool operator()(const slice_condition& slice) const noexcept {
        return asked.id != nullptr && is_in_slice(*asked.id, slice);
    }
    bool operator()(const has_vector_condition& vector) const noexcept {
        return asked.vectors != nullptr && (*asked.vectors)(vector.name);
    }
    bool operator()(const std::unique_ptr<program>& inner) const noexcept { return inner->passes(asked); }
    bool operator()(const nested_check& nested) const noexcept {
        return nested.where.any_of(asked.content, [&](payload::view element) {
            return element.is_object() && nested.inner->passes({nullptr, element, nullptr});
        });
    }
    template <class Check>
    bool operator()(const Check& check) const noexcept {
        return check(asked.content);
    }
};

}  // namespace

bool program::passes(const subject& asked) const noexcept {
    const asker ask{asked};
    const auto holds = [&](const node& n) { return std::visit(ask, n); };
    if (!std::all_of(must.begin(), must.end(), holds)) return false;
    if (std::any_of(must_not.begin(), must_not.end(), holds)) return false;
    if (!should.empty() && std::none_of(should.begin(), should.end(), holds)) return false;
    return std::all_of(at_least.begin(), at_least.end(), [&](const quorum& q) {
        std::size_t missing = q.min_count;
        for (const auto& n : q.nodes)
            if (holds(n) && --missing == 0) return true;
        return false;
    });
}

namespace {

/// Whether rules are for a test: those that compare texts.
struct takes_rule {
    bool operator()(const match_value& test) const noexcept { return std::holds_alternative<std::string>(test.value); }
    bool operator()(const match_any& test) const noexcept { return test.values.index() == 0; }
    bool operator()(const match_except& test) const noexcept { return test.values.index() == 0; }
    bool operator()(const match_text&) const noexcept { return true; }
    bool operator()(const match_text_any&) const noexcept { return true; }
    bool operator()(const match_phrase&) const noexcept { return true; }
    template <class Test>
    bool operator()(const Test&) const noexcept {
        return false;
    }
};

class compiler {
public:
    explicit compiler(const text_rules& rules) : rules_(rules) {}

    /// Precondition: `e` passes validate, so the paths parse.
    std::unique_ptr<program> translate(const expression& e) {
        auto out = std::make_unique<program>();
        out->must = translate(e.must, *out);
        out->should = translate(e.should, *out);
        out->must_not = translate(e.must_not, *out);
        for (const auto& q : e.at_least) out->at_least.push_back({translate(q.conditions, *out), q.min_count});
        return out;
    }

private:
    std::vector<node> translate(const std::vector<condition>& list, program& owner) {
        std::vector<node> nodes;
        nodes.reserve(list.size());
        for (const auto& c : list) nodes.push_back(translate(c, owner));
        std::stable_sort(nodes.begin(), nodes.end(), [](auto& a, auto& b) { return a.index() < b.index(); });
        return nodes;
    }

    node translate(const condition& c, program& owner) {
        return std::visit(overloaded{
                              [](const has_id_condition& ids) { return node(id_check(ids.ids)); },
                              [](const slice_condition& slice) { return node(slice); },
                              [](const has_vector_condition& vector) { return node(vector); },
                              [&](const expression& inner) {
                                  auto translated = translate(inner);
                                  owner.reads_payload |= translated->reads_payload;
                                  return node(std::move(translated));
                              },
                              [&](const nested_condition& nested) {
                                  owner.reads_payload = true;
                                  return node(translate(nested));
                              },
                              [&](const field_condition& f) {
                                  owner.reads_payload = true;
                                  return translate(f);
                              },
                          },
                          c.content);
    }

    nested_check translate(const nested_condition& nested) {
        auto where = elements_at(nested.key);
        auto above = above_ + payload::to_string(where) + ".";
        above_.swap(above);
        auto inner = translate(nested.filter);
        above_.swap(above);
        return {std::move(where), std::move(inner)};
    }

    node translate(const field_condition& f) {
        auto where = *payload::path::parse(f.key);
        if (rules_ && std::visit(takes_rule(), f.test))
            if (auto rule = rules_(above_ + payload::to_string(where), f.test))
                return element_check{std::move(where),
                                     by_rule{std::move(rule), std::holds_alternative<match_except>(f.test)}};
        return std::visit([&](const auto& test) { return check(std::move(where), test); }, f.test);
    }

    static payload::path elements_at(const std::string& key) {
        auto where = *payload::path::parse(key);
        if (where.steps().back().kind == payload::path::step_kind::all) return where;
        return *payload::path::parse(key + "[]");
    }

    static node check(payload::path&& where, const is_empty& test) {
        return empty_check{std::move(where), test.wanted};
    }
    static node check(payload::path&& where, const is_null& test) { return null_check{std::move(where), test.wanted}; }
    static node check(payload::path&& where, const range& test) {
        return element_check{std::move(where), in_range{test}};
    }
    static node check(payload::path&& where, const values_count& test) { return count_check{std::move(where), test}; }
    static node check(payload::path&& where, const datetime_range& test) {
        return element_check{std::move(where), in_datetime_range{test}};
    }
    static node check(payload::path&& where, const match_text& test) {
        return element_check{std::move(where), holds_text{{test.text}}};
    }
    static node check(payload::path&& where, const match_phrase& test) {
        return element_check{std::move(where), holds_text{{test.text}}};
    }
    static node check(payload::path&& where, const match_text_any& test) {
        return element_check{std::move(where), holds_text{words_of(test.text)}};
    }
    static node check(payload::path&& where, const match_prefix& test) {
        return element_check{std::move(where), begins_with{test.prefix}};
    }
    static node check(payload::path&& where, const geo_radius& test) {
        return element_check{std::move(where), in_area<geo_radius>{test}};
    }
    static node check(payload::path&& where, const geo_bounding_box& test) {
        return element_check{std::move(where), in_area<geo_bounding_box>{test}};
    }
    static node check(payload::path&& where, const geo_polygon& test) {
        return element_check{std::move(where), in_area<geo_polygon>{test}};
    }
    static node check(payload::path&& where, const match_value& test) {
        if (const auto* flag = std::get_if<bool>(&test.value)) return element_check{std::move(where), is_flag{*flag}};
        if (const auto* integer = std::get_if<std::int64_t>(&test.value))
            return element_check{std::move(where), is_integer{*integer}};
        return element_check{std::move(where), is_text{std::get<std::string>(test.value)}};
    }
    static node check(payload::path&& where, const match_any& test) {
        if (const auto* texts = std::get_if<0>(&test.values))
            return element_check{std::move(where), in_texts{sorted_list(*texts)}};
        return element_check{std::move(where), in_integers{sorted_list(std::get<1>(test.values))}};
    }
    static node check(payload::path&& where, const match_except& test) {
        if (const auto* texts = std::get_if<0>(&test.values))
            return element_check{std::move(where), outside<in_texts>{{sorted_list(*texts)}}};
        return element_check{std::move(where), outside<in_integers>{{sorted_list(std::get<1>(test.values))}}};
    }

    const text_rules& rules_;
    std::string above_;  ///< path to the elements that `nested` looks at, and a dot
};

/// The shortest id list that every passing point is in; null when there is none.
const std::vector<point_id>* shortest_required(const program& p) {
    const std::vector<point_id>* best = nullptr;
    const auto consider = [&](const node& n) {
        const std::vector<point_id>* ids = nullptr;
        if (const auto* list = std::get_if<id_check>(&n))
            ids = &list->values();
        else if (const auto* inner = std::get_if<std::unique_ptr<program>>(&n))
            ids = shortest_required(**inner);
        if (ids && (!best || ids->size() < best->size())) best = ids;
    };
    for (const auto& n : p.must) consider(n);
    if (p.should.size() == 1) consider(p.should.front());
    return best;
}

}  // namespace
}  // namespace detail

result<compiled> compiled::compile(const expression& filter, const text_rules& rules) {
    VECSTORE_CHECK(validate(filter));
    compiled ready;
    if (filter.empty()) return ready;
    ready.source_ = std::make_shared<const expression>(filter);
    ready.program_ = detail::compiler(rules).translate(filter);
    return ready;
}

bool compiled::operator()(const point_id& id, payload::view content, vector_presence vectors) const noexcept {
    return !program_ || program_->passes({&id, content, &vectors});
}

bool compiled::reads_payload() const noexcept { return program_ && program_->reads_payload; }

std::optional<std::span<const point_id>> compiled::required_ids() const noexcept {
    const auto* ids = program_ ? detail::shortest_required(*program_) : nullptr;
    if (!ids) return std::nullopt;
    return std::span<const point_id>(*ids);
}

}  // namespace vecstore::filter
