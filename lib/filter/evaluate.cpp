#include <vecstore/filter/evaluate.hpp>
#include <vecstore/payload/path.hpp>

#include <algorithm>
#include <functional>
#include <string_view>

namespace vecstore::filter {
namespace detail {

/// Ascending, without repeats.
template <class T>
class sorted_list {
public:
    explicit sorted_list(std::vector<T> values) : values_(std::move(values)) {
        std::sort(values_.begin(), values_.end());
        values_.erase(std::unique(values_.begin(), values_.end()), values_.end());
    }
    template <class Key>
    [[nodiscard]] bool contains(const Key& key) const noexcept {
        return std::binary_search(values_.begin(), values_.end(), key, std::less<>());
    }
    [[nodiscard]] const std::vector<T>& values() const noexcept { return values_; }

private:
    std::vector<T> values_;
};

/// Tests of one value that is no array, or of one element of an array.
struct is_flag {
    bool wanted;
    bool operator()(payload::view v) const noexcept {
        return v.kind() == payload::kind::boolean && v.boolean() == wanted;
    }
};
struct is_integer {
    std::int64_t wanted;
    bool operator()(payload::view v) const noexcept { return v.kind() == payload::kind::int64 && v.int64() == wanted; }
};
struct is_text {
    std::string wanted;
    bool operator()(payload::view v) const noexcept {
        return v.kind() == payload::kind::string && v.string() == wanted;
    }
};
struct in_integers {
    sorted_list<std::int64_t> list;
    bool operator()(payload::view v) const noexcept {
        return v.kind() == payload::kind::int64 && list.contains(v.int64());
    }
};
struct in_texts {
    sorted_list<std::string> list;
    bool operator()(payload::view v) const noexcept {
        return v.kind() == payload::kind::string && list.contains(v.string());
    }
};
template <class In>
struct outside {
    In in;
    bool operator()(payload::view v) const noexcept { return !v.is_null() && !in(v); }
};
struct in_range {
    range bounds;
    bool operator()(payload::view v) const noexcept {
        const auto number = v.number();
        return number && (!bounds.gt || *number > *bounds.gt) && (!bounds.gte || *number >= *bounds.gte) &&
               (!bounds.lt || *number < *bounds.lt) && (!bounds.lte || *number <= *bounds.lte);
    }
};

using element_test = std::variant<is_flag, is_integer, is_text, in_integers, in_texts, outside<in_integers>,
                                  outside<in_texts>, in_range>;

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

using id_check = sorted_list<point_id>;
struct program;

/// The ids come first: they are the cheapest to check, and need no payload.
using node = std::variant<id_check, element_check, empty_check, null_check, std::unique_ptr<program>>;

struct quorum {
    std::vector<node> nodes;
    std::size_t min_count;
};

struct program {
    std::vector<node> must, should, must_not;
    std::vector<quorum> at_least;
    bool reads_payload = false;  // in this or in an inner program

    [[nodiscard]] bool passes(const point_id& id, payload::view content) const noexcept;
};

namespace {

struct asker {
    const point_id& id;
    payload::view content;

    bool operator()(const id_check& ids) const noexcept { return ids.contains(id); }
    bool operator()(const std::unique_ptr<program>& inner) const noexcept { return inner->passes(id, content); }
    template <class Check>
    bool operator()(const Check& check) const noexcept {
        return check(content);
    }
};

}  // namespace

bool program::passes(const point_id& id, payload::view content) const noexcept {
    const asker ask{id, content};
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

class compiler {
public:
    /// Precondition: `e` passes validate, so the paths parse.
    static std::unique_ptr<program> translate(const expression& e) {
        auto out = std::make_unique<program>();
        out->must = translate(e.must, *out);
        out->should = translate(e.should, *out);
        out->must_not = translate(e.must_not, *out);
        for (const auto& q : e.at_least) out->at_least.push_back({translate(q.conditions, *out), q.min_count});
        return out;
    }

private:
    static std::vector<node> translate(const std::vector<condition>& list, program& owner) {
        std::vector<node> nodes;
        nodes.reserve(list.size());
        for (const auto& c : list) nodes.push_back(translate(c, owner));
        std::stable_sort(nodes.begin(), nodes.end(), [](auto& a, auto& b) { return a.index() < b.index(); });
        return nodes;
    }

    static node translate(const condition& c, program& owner) {
        if (const auto* inner = std::get_if<expression>(&c.content)) {
            auto translated = translate(*inner);
            owner.reads_payload |= translated->reads_payload;
            return translated;
        }
        if (const auto* ids = std::get_if<has_id_condition>(&c.content)) return id_check(ids->ids);
        const auto& f = std::get<field_condition>(c.content);
        owner.reads_payload = true;
        auto where = *payload::path::parse(f.key);
        return std::visit([&](const auto& test) { return check(std::move(where), test); }, f.test);
    }

    static node check(payload::path&& where, const is_empty& test) {
        return empty_check{std::move(where), test.wanted};
    }
    static node check(payload::path&& where, const is_null& test) { return null_check{std::move(where), test.wanted}; }
    static node check(payload::path&& where, const range& test) {
        return element_check{std::move(where), in_range{test}};
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

result<compiled> compiled::compile(const expression& filter) {
    VECSTORE_CHECK(validate(filter));
    compiled ready;
    if (!filter.empty()) ready.program_ = detail::compiler::translate(filter);
    return ready;
}

bool compiled::operator()(const point_id& id, payload::view content) const noexcept {
    return !program_ || program_->passes(id, content);
}

bool compiled::reads_payload() const noexcept { return program_ && program_->reads_payload; }

std::optional<std::span<const point_id>> compiled::required_ids() const noexcept {
    const auto* ids = program_ ? detail::shortest_required(*program_) : nullptr;
    if (!ids) return std::nullopt;
    return std::span<const point_id>(*ids);
}

}  // namespace vecstore::filter
