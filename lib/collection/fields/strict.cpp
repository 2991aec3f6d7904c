#include "strict.hpp"

#include <vecstore/payload/path.hpp>

#include <algorithm>
#include <string_view>

namespace vecstore::detail {
namespace {

/// A kind that answers the test for all payloads; empty when none does.
struct index_for {
    field_kind kind = field_kind::keyword;

    bool operator()(const filter::match_value& test) const {
        switch (test.value.index()) {
            case 0: return is(field_kind::boolean);
            case 1: return is_number();
            default: return is_name();
        }
    }
    bool operator()(const filter::match_any& test) const { return test.values.index() == 0 ? is_name() : is_number(); }
    bool operator()(const filter::match_except& test) const {
        return test.values.index() == 0 ? is_name() : is_number();
    }
    bool operator()(const filter::range&) const { return is_number(); }
    bool operator()(const filter::match_prefix&) const { return is(field_kind::keyword); }
    bool operator()(const filter::match_text&) const { return is(field_kind::text); }
    bool operator()(const filter::match_text_any&) const { return is(field_kind::text); }
    bool operator()(const filter::match_phrase&) const { return is(field_kind::text); }
    bool operator()(const filter::datetime_range&) const { return is(field_kind::datetime); }
    bool operator()(const geo_radius&) const { return is(field_kind::geo); }
    bool operator()(const geo_bounding_box&) const { return is(field_kind::geo); }
    bool operator()(const geo_polygon&) const { return is(field_kind::geo); }
    bool operator()(const filter::is_empty&) const { return true; }
    bool operator()(const filter::is_null&) const { return true; }
    bool operator()(const filter::values_count&) const { return true; }
    template <class Test>
    bool operator()(const Test&) const {
        return false;
    }

private:
    [[nodiscard]] bool is(field_kind wanted) const noexcept { return kind == wanted; }
    [[nodiscard]] bool is_number() const noexcept { return is(field_kind::integer) || is(field_kind::floating); }
    [[nodiscard]] bool is_name() const noexcept { return is(field_kind::keyword) || is(field_kind::uuid); }
};

constexpr field_kind kinds[] = {field_kind::keyword,  field_kind::integer, field_kind::boolean,
                                field_kind::datetime, field_kind::geo,     field_kind::text};

class walker {
public:
    explicit walker(const field_list& fields) noexcept : fields_(fields) {}

    result<void> check(const filter::expression& e, const std::string& place) const {
        VECSTORE_CHECK(check(e.must, place + ".must"));
        VECSTORE_CHECK(check(e.should, place + ".should"));
        VECSTORE_CHECK(check(e.must_not, place + ".must_not"));
        for (const auto& quorum : e.at_least)
            VECSTORE_CHECK(check(quorum.conditions, place + ".min_should.conditions"));
        return {};
    }

private:
    result<void> check(const std::vector<filter::condition>& list, const std::string& place) const {
        for (std::size_t i = 0; i < list.size(); ++i) {
            const auto here = place + "[" + std::to_string(i) + "]";
            VECSTORE_CHECK(
                std::visit([&](const auto& content) { return check_content(content, here); }, list[i].content));
        }
        return {};
    }
    template <class Content>
    result<void> check_content(const Content&, const std::string&) const {
        return {};  // asks for no payload
    }
    result<void> check_content(const filter::expression& inner, const std::string& place) const {
        return check(inner, place);
    }
    result<void> check_content(const filter::nested_condition& nested, const std::string& place) const {
        return refused(nested.key, place + ".nested", "which no payload index serves");
    }
    result<void> check_content(const filter::field_condition& c, const std::string& place) const {
        const auto path = payload::path::parse(c.key);
        const auto* const field = path ? find_field(fields_, payload::to_string(*path)) : nullptr;
        if (field != nullptr && std::visit(index_for{field->schema().kind}, c.test)) return {};
        for (const auto kind : kinds)
            if (std::visit(index_for{kind}, c.test))
                return refused(c.key, place, "which takes a payload index of kind " + std::string(to_string(kind)));
        return refused(c.key, place, "which no payload index serves");
    }
    [[nodiscard]] static error refused(const std::string& key, const std::string& place, const std::string& reason) {
        return invalid_argument(place + ".key: strict_filters refuses a test of \"" + key + "\", " + reason);
    }

    const field_list& fields_;
};

}  // namespace

result<void> check_indexed(const filter::expression& filter, const field_list& fields) {
    return walker(fields).check(filter, "filter");
}

result<void> check_key(const read_session& session, const std::string& key, std::string_view place,
                       std::initializer_list<field_kind> wanted) {
    if (!session.collection().options().strict_filters) return {};
    VECSTORE_TRY(const auto path, payload::path::parse(key));
    const auto* const field = find_field(*session.state().fields, payload::to_string(path));
    if (field != nullptr && std::find(wanted.begin(), wanted.end(), field->schema().kind) != wanted.end()) return {};
    return invalid_argument(std::string(place) + ": strict_filters refuses \"" + key +
                            "\", which takes a payload index of kind " + std::string(to_string(*wanted.begin())));
}

}  // namespace vecstore::detail
