#include "overloaded.hpp"

#include <vecstore/filter/expression.hpp>
#include <vecstore/payload/path.hpp>

#include <cmath>

namespace vecstore::filter {
namespace {

result<void> check_size(std::size_t values, const std::string& place) {
    if (values <= filter_values_max) return {};
    return invalid_argument(place + ": " + std::to_string(values) + " values, must be at most " +
                            std::to_string(filter_values_max));
}

result<void> check_text(const std::string& text, const std::string& place) {
    if (text.size() <= filter_text_bytes_max) return {};
    return invalid_argument(place + ": " + std::to_string(text.size()) + " bytes, must be at most " +
                            std::to_string(filter_text_bytes_max));
}

result<void> check_path(const std::string& key, const std::string& place) {
    if (key.empty()) return invalid_argument(place + ": must not be empty");
    if (const auto parsed = payload::path::parse(key); !parsed)
        return invalid_argument(place + ": " + parsed.error().message);
    return {};
}

result<void> check_place(const geo_point& p, const std::string& place) {
    if (!(std::abs(p.lon) <= 180)) return invalid_argument(place + ".lon: must be from -180 to 180");
    if (!(std::abs(p.lat) <= 90)) return invalid_argument(place + ".lat: must be from -90 to 90");
    return {};
}

result<void> check_ring(const geo_ring& ring, const std::string& place) {
    VECSTORE_CHECK(check_size(ring.size(), place));
    if (ring.size() < 4)
        return invalid_argument(place + ": " + std::to_string(ring.size()) + " points, a ring has at least 4");
    if (!(ring.front() == ring.back())) return invalid_argument(place + ": the last point must be the first again");
    for (std::size_t i = 0; i < ring.size(); ++i)
        VECSTORE_CHECK(check_place(ring[i], place + "[" + std::to_string(i) + "]"));
    return {};
}

std::size_t size_of(const value_list& list) {
    return std::visit([](const auto& items) { return items.size(); }, list);
}

/// One overload for each test; `place` is the condition's.
struct test_validator {
    const std::string& place;

    result<void> operator()(const match_value&) const { return {}; }
    result<void> operator()(const is_empty&) const { return {}; }
    result<void> operator()(const is_null&) const { return {}; }
    result<void> operator()(const values_count&) const { return {}; }
    result<void> operator()(const match_any& t) const { return check_size(size_of(t.values), place + ".match.any"); }
    result<void> operator()(const match_except& t) const {
        return check_size(size_of(t.values), place + ".match.except");
    }
    result<void> operator()(const match_text& t) const { return check_text(t.text, place + ".match.text"); }
    result<void> operator()(const match_text_any& t) const { return check_text(t.text, place + ".match.text_any"); }
    result<void> operator()(const match_phrase& t) const { return check_text(t.text, place + ".match.phrase"); }
    result<void> operator()(const match_prefix& t) const { return check_text(t.prefix, place + ".match.prefix"); }
    result<void> operator()(const range& t) const {
        for (const auto& bound : {t.gt, t.gte, t.lt, t.lte})
            if (bound && !std::isfinite(*bound)) return invalid_argument(place + ".range: a bound is not finite");
        return {};
    }
    result<void> operator()(const datetime_range& t) const {
        for (const auto& bound : {t.gt, t.gte, t.lt, t.lte})
            if (bound && (bound->us() < datetime_us_min || bound->us() > datetime_us_max))
                return invalid_argument(place + ".range: a bound is not in the years 0000 to 9999");
        return {};
    }
    result<void> operator()(const geo_radius& t) const {
        if (!(t.radius_m >= 0) || !std::isfinite(t.radius_m))
            return invalid_argument(place + ".geo_radius.radius: must be finite and not negative");
        return check_place(t.center, place + ".geo_radius.center");
    }
    result<void> operator()(const geo_bounding_box& t) const {
        VECSTORE_CHECK(check_place(t.top_left, place + ".geo_bounding_box.top_left"));
        return check_place(t.bottom_right, place + ".geo_bounding_box.bottom_right");
    }
    result<void> operator()(const geo_polygon& t) const {
        VECSTORE_CHECK(check_ring(t.exterior, place + ".geo_polygon.exterior.points"));
        VECSTORE_CHECK(check_size(t.interiors.size(), place + ".geo_polygon.interiors"));
        for (std::size_t i = 0; i < t.interiors.size(); ++i)
            VECSTORE_CHECK(
                check_ring(t.interiors[i], place + ".geo_polygon.interiors[" + std::to_string(i) + "].points"));
        return {};
    }
};

class validator {
public:
    result<void> check(const expression& e, const std::string& place, std::size_t depth) {
        if (depth > filter_depth_max)
            return invalid_argument(place + ": nested deeper than " + std::to_string(filter_depth_max));
        VECSTORE_CHECK(check(e.must, place + ".must", depth));
        VECSTORE_CHECK(check(e.should, place + ".should", depth));
        VECSTORE_CHECK(check(e.must_not, place + ".must_not", depth));
        for (const auto& quorum : e.at_least) {
            if (quorum.min_count == 0)
                return invalid_argument(place + ".min_should.min_count: value 0 invalid, must be 1 or larger");
            // Counted even when its list is empty, so that the limit bounds the whole tree.
            VECSTORE_CHECK(count(place));
            VECSTORE_CHECK(check(quorum.conditions, place + ".min_should.conditions", depth));
        }
        return {};
    }

private:
    result<void> check(const std::vector<condition>& list, const std::string& place, std::size_t depth) {
        for (std::size_t i = 0; i < list.size(); ++i) {
            const auto here = place + "[" + std::to_string(i) + "]";
            VECSTORE_CHECK(count(here));
            VECSTORE_CHECK(
                std::visit(overloaded{
                               [&](const field_condition& f) { return check(f, here); },
                               [&](const has_id_condition& h) { return check_size(h.ids.size(), here + ".has_id"); },
                               [&](const expression& e) { return check(e, here, depth + 1); },
                               [&](const has_vector_condition& v) { return check_text(v.name, here + ".has_vector"); },
                               [&](const slice_condition& s) { return check(s, here + ".slice"); },
                               [&](const nested_condition& n) { return check(n, here + ".nested", depth + 1); },
                           },
                           list[i].content));
        }
        return {};
    }

    result<void> count(const std::string& place) {
        if (++condition_count_ <= filter_conditions_max) return {};
        return invalid_argument(place + ": more than " + std::to_string(filter_conditions_max) + " conditions");
    }

    static result<void> check(const field_condition& f, const std::string& place) {
        VECSTORE_CHECK(check_path(f.key, place + ".key"));
        return std::visit(test_validator{place}, f.test);
    }

    static result<void> check(const slice_condition& s, const std::string& place) {
        if (s.total == 0) return invalid_argument(place + ".total: value 0 invalid, must be 1 or larger");
        if (s.index >= s.total)
            return invalid_argument(place + ".index: value " + std::to_string(s.index) +
                                    " invalid, must be less than total");
        return {};
    }

    result<void> check(const nested_condition& n, const std::string& place, std::size_t depth) {
        VECSTORE_CHECK(check_path(n.key, place + ".key"));
        VECSTORE_CHECK(check_path(n.key + "[]", place + ".key"));  // what it stands for, and so not too long
        return check(n.filter, place + ".filter", depth);
    }

    std::size_t condition_count_ = 0;
};

}  // namespace

result<void> validate(const expression& filter, std::string_view root) {
    return validator().check(filter, std::string(root), 1);
}

}  // namespace vecstore::filter
