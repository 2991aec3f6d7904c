#include "unique_keys.hpp"

#include <vecstore/payload/json.hpp>

#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <vector>

namespace vecstore::payload {
namespace {

using boost::json::error_code;
using piece = boost::json::string_view;

/// Keeps the last of equal keys. Sorting indices keeps this fast for objects with very many keys.
void drop_repeated_keys(document& object) {
    detail::key_set keys;
    for (const auto& m : object) keys.add(m.key);
    if (!keys.has_duplicates()) return;
    std::vector<const member*> order;
    order.reserve(object.size());
    for (const auto& m : object) order.push_back(&m);
    std::stable_sort(order.begin(), order.end(), [](auto* a, auto* b) { return a->key < b->key; });
    std::vector<bool> repeated(object.size());
    for (std::size_t i = 1; i < order.size(); ++i)
        if (order[i - 1]->key == order[i]->key)
            repeated[static_cast<std::size_t>(order[i - 1] - object.begin())] = true;
    document kept;
    for (std::size_t i = 0; i < object.size(); ++i)
        if (!repeated[i]) kept.append(object.begin()[i].key, object.begin()[i].value);
    object = std::move(kept);
}

/// Receives the parser's events and builds the value. Numbers with fraction or exponent are read from their text,
/// because Boost.JSON 1.81 does not always give the nearest double.
class builder {
public:
    static constexpr std::size_t max_object_size = ~std::size_t{0};
    static constexpr std::size_t max_array_size = ~std::size_t{0};
    static constexpr std::size_t max_key_size = ~std::size_t{0};
    static constexpr std::size_t max_string_size = ~std::size_t{0};

    explicit builder(bool wide_integers_as_text) noexcept : wide_integers_as_text_(wide_integers_as_text) {}

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_object_begin(error_code&) { return open(document()); }
    bool on_array_begin(error_code&) { return open(value::array()); }
    bool on_object_end(std::size_t, error_code&) {
        drop_repeated_keys(*open_.back().content.if_object());
        return close();
    }
    bool on_array_end(std::size_t, error_code&) { return close(); }
    bool on_key_part(piece part, std::size_t, error_code&) { return collect(part); }
    bool on_key(piece part, std::size_t, error_code&) {
        collect(part);
        open_.back().key = std::exchange(text_, {});
        return true;
    }
    bool on_string_part(piece part, std::size_t, error_code&) { return collect(part); }
    bool on_string(piece part, std::size_t, error_code&) {
        collect(part);
        return add(std::exchange(text_, {}));
    }
    bool on_number_part(piece part, error_code&) { return collect(part); }
    bool on_int64(std::int64_t number, piece, error_code&) { return add_number(number); }
    bool on_uint64(std::uint64_t number, piece, error_code&) {
        // The parser calls this only for what int64 cannot hold.
        return wide_integers_as_text_ ? add_number(std::to_string(number)) : add_number(number);
    }
    bool on_double(double rough, piece part, error_code& failure) {
        collect(part);
        double exact = 0;
        const auto read = std::from_chars(text_.data(), text_.data() + text_.size(), exact);
        if (read.ec == std::errc::result_out_of_range) {
            if (std::abs(rough) >= 1) {
                failure = boost::json::error::exponent_overflow;
                return false;
            }
            exact = text_.starts_with('-') ? -0.0 : 0.0;  // too small to be told from zero
        }
        return add_number(exact);
    }
    bool on_bool(bool flag, error_code&) { return add(flag); }
    bool on_null(error_code&) { return add(value()); }
    bool on_comment_part(piece, error_code&) { return true; }
    bool on_comment(piece, error_code&) { return true; }

    [[nodiscard]] value take() { return std::move(root_); }

private:
    struct unfinished {
        value content;    // array or object
        std::string key;  // of the member that comes next, in an object
    };

    bool collect(piece part) {
        text_.append(part.data(), part.size());
        return true;
    }
    bool open(value container) {
        open_.push_back({std::move(container), {}});
        return true;
    }
    bool close() {
        auto done = std::move(open_.back().content);
        open_.pop_back();
        return add(std::move(done));
    }
    bool add_number(value number) {
        text_.clear();
        return add(std::move(number));
    }
    bool add(value content) {
        if (open_.empty())
            root_ = std::move(content);
        else if (auto* items = open_.back().content.if_array())
            items->push_back(std::move(content));
        else
            open_.back().content.if_object()->append(std::move(open_.back().key), std::move(content));
        return true;
    }

    bool wide_integers_as_text_;
    value root_;
    std::vector<unfinished> open_;
    std::string text_;
};

error bad_json(std::size_t offset, std::string_view reason) {
    return invalid_argument("JSON, byte " + std::to_string(offset) + ": " + std::string(reason));
}

void put_string(std::string& out, std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        switch (c) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            default:
                if (static_cast<unsigned char>(c) < 0x20) {
                    out += "\\u00";
                    out += digits[c >> 4];
                    out += digits[c & 15];
                } else {
                    out += c;
                }
        }
    }
    out += '"';
}

void put_double(std::string& out, double number) {
    if (!std::isfinite(number)) {
        out += "null";
        return;
    }
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, number).ptr;
    const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
    out += text;
    if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

/// One printer for values and views: the overloads below give both the same words.
struct printer {
    std::string out;

    void put(const value& v) {
        if (const auto* items = v.if_array()) return put_list('[', ']', *items, [&](const value& x) { put(x); });
        if (const auto* object = v.if_object()) return put(*object);
        if (const auto* text = v.if_string()) return put_string(out, *text);
        if (const auto* number = v.if_double()) return put_double(out, *number);
        if (const auto* integer = v.if_int64())
            out += std::to_string(*integer);
        else
            out += v.is_null() ? "null" : v.bool_or(false) ? "true" : "false";
    }
    void put(const document& d) {
        put_list('{', '}', d, [&](const member& m) { put_member(m.key, m.value); });
    }
    void put(view v) {
        switch (v.kind()) {
            case kind::null: out += "null"; break;
            case kind::boolean: out += v.boolean() ? "true" : "false"; break;
            case kind::int64: out += std::to_string(v.int64()); break;
            case kind::float64: put_double(out, v.float64()); break;
            case kind::string: put_string(out, v.string()); break;
            case kind::array: put_list('[', ']', v.elements(), [&](view x) { put(x); }); break;
            case kind::object:
                put_list('{', '}', v.members(), [&](const member_view& m) { put_member(m.key, m.value); });
                break;
        }
    }

private:
    template <class Content>
    void put_member(std::string_view key, const Content& content) {
        put_string(out, key);
        out += ':';
        put(content);
    }
    template <class List, class Put>
    void put_list(char open, char close, const List& list, Put put_one) {
        out += open;
        bool first = true;
        for (const auto& item : list) {
            if (!std::exchange(first, false)) out += ',';
            put_one(item);
        }
        out += close;
    }
};

template <class Content>
std::string print(const Content& content) {
    printer p;
    p.put(content);
    return std::move(p.out);
}

}  // namespace

result<value> parse_json(std::string_view text, const json_options& options) {
    if (text.size() > json_bytes_max)
        return invalid_argument("JSON: " + std::to_string(text.size()) + " bytes, must be at most " +
                                std::to_string(json_bytes_max));
    boost::json::parse_options rules;
    rules.max_depth = options.depth_max;
    boost::json::basic_parser<builder> parser(rules, options.wide_integers_as_text);
    error_code failure;
    auto used = parser.write_some(false, text.data(), text.size(), failure);
    if (failure) return bad_json(used, failure.message());
    used = std::min(text.find_first_not_of(" \t\r\n", used), text.size());
    if (used != text.size()) return bad_json(used, "text behind the value");
    return parser.handler().take();
}

result<document> parse_document(std::string_view text) {
    VECSTORE_TRY(auto content, parse_json(text));
    auto* object = content.if_object();
    if (!object) return bad_json(0, "the text must be an object");
    return std::move(*object);
}

std::string to_json(const value& content) { return print(content); }
std::string to_json(const document& content) { return print(content); }
std::string to_json(view content) { return print(content); }

}  // namespace vecstore::payload
