#include "text_rules.hpp"

#include <vecstore/core/point_id.hpp>

#include <algorithm>
#include <utility>
#include <variant>

namespace vecstore::field_index {
namespace {

/// Texts that are equal to one of some, as UUIDs.
class uuid_rule final : public filter::text_rule {
public:
    /// `texts`: canonical.
    explicit uuid_rule(std::vector<std::string> texts) : texts_(std::move(texts)) {
        std::sort(texts_.begin(), texts_.end());
    }
    [[nodiscard]] bool holds(std::string_view text) const override {
        return std::binary_search(texts_.begin(), texts_.end(), canonical_uuid(text));
    }

private:
    std::vector<std::string> texts_;
};

/// The texts that a test of equality lists; nothing when it is none.
struct listed_texts {
    using texts = std::optional<std::vector<std::string>>;

    texts operator()(const filter::match_value& test) const {
        const auto* const text = std::get_if<std::string>(&test.value);
        return text != nullptr ? texts({*text}) : std::nullopt;
    }
    texts operator()(const filter::match_any& test) const { return of(test.values); }
    texts operator()(const filter::match_except& test) const { return of(test.values); }
    template <class Test>
    texts operator()(const Test&) const {
        return std::nullopt;
    }

private:
    static texts of(const filter::value_list& list) {
        const auto* const listed = std::get_if<0>(&list);
        return listed != nullptr ? texts(*listed) : std::nullopt;
    }
};

template <class Test>
filter::field_test with_texts(Test test, std::vector<std::string> texts) {
    if constexpr (std::is_same_v<Test, filter::match_value>)
        test.value = std::move(texts.front());
    else if constexpr (std::is_same_v<Test, filter::match_any> || std::is_same_v<Test, filter::match_except>)
        test.values = std::move(texts);
    return test;
}

}  // namespace

token_rule::token_rule(text::analyzer analyzer, kind what, std::string_view text)
    : analyzer_(std::move(analyzer)), what_(what), sequence_(analyzer_.query_tokens(text)), tokens_(sequence_) {
    std::sort(tokens_.begin(), tokens_.end());
    tokens_.erase(std::unique(tokens_.begin(), tokens_.end()), tokens_.end());
}

std::optional<token_rule> token_rule::make(const text::analyzer& analyzer, const filter::field_test& test) {
    if (const auto* all = std::get_if<filter::match_text>(&test)) return token_rule(analyzer, kind::all, all->text);
    if (const auto* any = std::get_if<filter::match_text_any>(&test)) return token_rule(analyzer, kind::any, any->text);
    if (const auto* phrase = std::get_if<filter::match_phrase>(&test))
        return token_rule(analyzer, kind::phrase, phrase->text);
    return std::nullopt;
}

bool token_rule::holds(std::string_view text) const {
    return has_tokens(text) && (told_by_tokens() || has_sequence(text));
}

bool token_rule::has_tokens(std::string_view text) const {
    if (tokens_.empty()) return false;
    std::vector<bool> found(tokens_.size());
    std::size_t missing = what_ == kind::any ? 1 : tokens_.size();
    analyzer_.document_tokens(text, [&](std::string_view token) {
        if (missing == 0) return;
        const auto at = std::lower_bound(tokens_.begin(), tokens_.end(), token);
        if (at == tokens_.end() || *at != token) return;
        const auto place = static_cast<std::size_t>(at - tokens_.begin());
        if (found[place]) return;
        found[place] = true;
        --missing;
    });
    return missing == 0;
}

/// Words beside each other; of an analyzer that makes prefixes of them, words that begin so.
bool token_rule::has_sequence(std::string_view text) const {
    const auto words = analyzer_.query_tokens(text);
    const bool prefixes = analyzer_.options().tokenizer == text::tokenizer_kind::prefix;
    return std::search(words.begin(), words.end(), sequence_.begin(), sequence_.end(),
                       [&](const std::string& word, const std::string& wanted) {
                           return prefixes ? word.starts_with(wanted) : word == wanted;
                       }) != words.end();
}

std::string canonical_uuid(std::string_view text) {
    constexpr std::size_t longest = 45;  // "urn:uuid:" and 36 characters
    if (text.size() < 32 || text.size() > longest) return std::string(text);
    const auto parsed = uuid::parse(text);
    return parsed ? to_string(*parsed) : std::string(text);
}

filter::field_test canonical_uuids(const filter::field_test& test) {
    auto texts = std::visit(listed_texts(), test);
    if (!texts) return test;
    for (auto& each : *texts) each = canonical_uuid(each);
    return std::visit([&](const auto& known) { return with_texts(known, *std::move(texts)); }, test);
}

std::shared_ptr<const filter::text_rule> rule_for(const field_schema& schema, const text::analyzer* analyzer,
                                                  const filter::field_test& test) {
    if (schema.kind == field_kind::text && analyzer != nullptr) {
        auto rule = token_rule::make(*analyzer, test);
        return rule ? std::make_shared<const token_rule>(*std::move(rule)) : nullptr;
    }
    if (schema.kind != field_kind::uuid) return nullptr;
    auto texts = std::visit(listed_texts(), test);
    if (!texts) return nullptr;
    for (auto& each : *texts) each = canonical_uuid(each);
    return std::make_shared<const uuid_rule>(*std::move(texts));
}

}  // namespace vecstore::field_index
