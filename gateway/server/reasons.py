"""What each ErrorReason becomes on the wire: its status, and constant texts for people in two languages."""

from __future__ import annotations

from typing import NamedTuple

import grpc

from gateway.model.errors import ErrorReason as R

_UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
_INVALID = grpc.StatusCode.INVALID_ARGUMENT
_DENIED = grpc.StatusCode.PERMISSION_DENIED
_EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
_NOT_FOUND = grpc.StatusCode.NOT_FOUND
_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
_UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


class Meaning(NamedTuple):
    """A status code, and the message in English and Chinese. Constants: no value is ever put in."""

    code: grpc.StatusCode
    en: str
    zh: str


MEANINGS: dict[R, Meaning] = {
    R.CERTIFICATE_MISSING: Meaning(
        _UNAUTHENTICATED,
        "No client certificate was presented. Connect with your institution's certificate.",
        "未出示客户端证书。请使用本机构的证书连接。",
    ),
    R.CERTIFICATE_INVALID: Meaning(
        _UNAUTHENTICATED,
        "The client certificate names no known institution or is outside its period. Renew it and reconnect.",
        "客户端证书未载明已知机构，或不在有效期内。请更新证书后重新连接。",
    ),
    R.TOKEN_MISSING: Meaning(
        _UNAUTHENTICATED,
        "No bearer token was sent. Send one in the authorization metadata.",
        "未发送身份令牌。请在 authorization 元数据中发送 Bearer 令牌。",
    ),
    R.TOKEN_INVALID: Meaning(
        _UNAUTHENTICATED,
        "The token is malformed, or not made for this gateway by its issuer. Get one from the issuer.",
        "令牌格式有误，或不是由认可的签发方为本网关签发。请向签发方获取令牌。",
    ),
    R.TOKEN_EXPIRED: Meaning(
        _UNAUTHENTICATED, "The token's time is over. Get a new one.", "令牌已过期。请获取新的令牌。"
    ),
    R.INSTITUTION_MISMATCH: Meaning(
        _UNAUTHENTICATED,
        "The token belongs to another institution than the certificate. Use both of the same institution.",
        "令牌所属机构与证书所属机构不一致。请使用同一机构的令牌和证书。",
    ),
    R.PURPOSE_MISSING: Meaning(
        _INVALID, "No purpose was named. Name the purpose of the request.", "未说明用途。请写明请求的用途。"
    ),
    R.REQUEST_INVALID: Meaning(
        _INVALID,
        "The request breaks a rule of its message. The field violations say which.",
        "请求不符合消息的规则。字段违规项说明了具体规则。",
    ),
    R.MESSAGE_FIELD_UNKNOWN: Meaning(
        _INVALID,
        "The message carries a field that this gateway does not know. Use the protos of this version.",
        "消息含有本网关不认识的字段。请使用本版本的协议文件。",
    ),
    R.FILTER_NOT_ALLOWED: Meaning(
        _INVALID,
        "A filter is not one that this disclosure allows. Describe lists the fields that can be filtered.",
        "该披露项不允许此筛选条件。Describe 列出了可筛选的字段。",
    ),
    R.STATISTIC_NOT_DECLARED: Meaning(
        _INVALID,
        "The disclosure does not answer this: the field violations say which part and why. A nearest plan, where one "
        "is attached, would be answered; ListDatasets lists what may be asked.",
        "该披露项不回答此请求，字段违规项说明了部分和原因。所附最接近方案（如有）可获答复；ListDatasets 列出可请求项。",
    ),
    R.EPSILON_OUT_OF_RANGE: Meaning(
        _INVALID,
        "This price is not taken: the field violations say which would be. A nearest plan, where one is attached, has "
        "one. Prices have at most six decimals in epsilon and twelve in rho.",
        "不接受此价格，字段违规项说明可用的价格；如附有最接近方案，其价格可用。epsilon 最多六位小数，rho 最多十二位。",
    ),
    R.MARGIN_OUT_OF_REACH: Meaning(
        _INVALID,
        "No answer of this accuracy can be had within the disclosure's limit. Ask for a wider margin: the nearest plan "
        "has weights that fit, or the highest price.",
        "在披露项的上限内无法达到该精度。请放宽误差范围：所附的最接近方案采用合适的权重或最高价格。",
    ),
    R.SIGNATURE_INVALID: Meaning(
        _INVALID,
        "The signature is missing, or does not fit what was to be signed. Sign the text shown with your own key.",
        "缺少签名，或签名与待签内容不符。请用本人密钥对所示内容签名。",
    ),
    R.POLICY_INVALID: Meaning(
        _INVALID,
        "The policy proposed has mistakes and is not used. Mend each that the answer names.",
        "所提议的政策有误，未予采用。请改正答复中列出的各项问题。",
    ),
    R.PURPOSE_NOT_GRANTED: Meaning(
        _DENIED,
        "This purpose is not granted to your institution. Describe lists those that are.",
        "该用途未授予贵机构。Describe 列出了已授予的用途。",
    ),
    R.DISCLOSURE_NOT_GRANTED: Meaning(
        _DENIED,
        "This disclosure is not granted to your institution for this purpose.",
        "在该用途下，此披露项未授予贵机构。",
    ),
    R.REGION_NOT_GRANTED: Meaning(
        _DENIED,
        "The region is outside what is granted, or finer than these fields tell. Ask for the region of your grant.",
        "该区域超出授权范围，或比所请求字段所能反映的更细。请按授权的区域请求。",
    ),
    R.FIELD_NOT_GRANTED: Meaning(
        _DENIED,
        "A field asked for is not part of this disclosure. Ask for fewer fields or allow a partial answer.",
        "所请求的字段不在该披露项内。请减少字段，或允许部分返回。",
    ),
    R.DENIED_BY_RULE: Meaning(_DENIED, "A rule of the policy denies this request.", "政策中有规则拒绝此请求。"),
    R.PURPOSE_EXPIRED: Meaning(_DENIED, "The purpose has ended.", "该用途已终止。"),
    R.GRANT_NOT_IN_FORCE: Meaning(
        _DENIED, "The grant is not yet, or no longer, in force.", "该授权尚未生效或已经失效。"
    ),
    R.CASE_NUMBER_REQUIRED: Meaning(
        _DENIED,
        "This grant asks for a case number of a declared form, or of an open case. Send it in the request's context.",
        "该授权要求提供规定格式或在办案件的编号。请在请求上下文中填写。",
    ),
    R.PURPOSE_INCOMPATIBLE: Meaning(
        _DENIED,
        "This data was collected for other purposes, and yours is not declared compatible with them. Ask the steward.",
        "这些数据是为其他用途收集的，而该用途未被声明与之相容。请咨询数据管理员。",
    ),
    R.LEGAL_BASIS_INSUFFICIENT: Meaning(
        _DENIED,
        "The purpose's legal basis does not carry this data, or it is consent and none is asked for. Ask the steward.",
        "该用途的法律依据不足以使用这些数据，或其依据为同意而未设同意核验。请咨询数据管理员。",
    ),
    R.BULK_FORBIDDEN: Meaning(
        _DENIED,
        "This grant is for one subject at a time. Name one subject in each request.",
        "该授权每次仅限一名主体。请在每次请求中只指定一名主体。",
    ),
    R.BREAK_GLASS_REQUIRED: Meaning(
        _DENIED,
        "This grant is for emergencies. If this is one, say why in break_glass_reason; it will be reviewed.",
        "该授权仅供紧急情况使用。如确属紧急，请在 break_glass_reason 中说明原因；事后将予复核。",
    ),
    R.JOIN_NOT_IN_FORCE: Meaning(
        _DENIED,
        "No join grant of this id is in force for your tokens and this purpose. Ask the officers who link.",
        "没有编号如此、且对您的标识和该用途生效的关联授权。请咨询负责关联的管理人员。",
    ),
    R.FIELD_NOT_COLLECTED: Meaning(
        _DENIED,
        "A column is not collected, because no purpose needs it. Leave it out; nothing of the batch was kept.",
        "所推送的某列不在采集范围内（没有用途需要）。请去除该列；本批未保存任何数据。",
    ),
    R.AUTHORITY_EXCEEDED: Meaning(
        _DENIED,
        "Your powers as an officer or keeper do not reach this far. Ask one whose powers do.",
        "您作为管理人员或登记保管人的权限不及于此。请由具备相应权限的人员办理。",
    ),
    R.BUDGET_EXHAUSTED: Meaning(
        _EXHAUSTED,
        "A privacy budget does not hold this charge; nothing was charged. GetBudget shows what is left.",
        "隐私预算不足；本次未扣减。GetBudget 可查看余额。",
    ),
    R.CAP_EXCEEDED: Meaning(
        _EXHAUSTED,
        "More keys, rows, subjects or calls than are allowed. Ask for fewer, and read streams as they come.",
        "超出允许的键数、行数、主体数或同时调用数。请减少请求数量，并及时读取数据流。",
    ),
    R.QUOTA_EXHAUSTED: Meaning(
        _EXHAUSTED,
        "What may be disclosed of a subject in this period is used up. Wait for the next period.",
        "本期内某主体的可披露次数已用完。请待下一周期。",
    ),
    R.RATE_EXCEEDED: Meaning(
        _EXHAUSTED,
        "Your institution has made all calls that the grant allows in this period. Wait for the next period.",
        "贵机构本期内的调用次数已达授权上限。请待下一周期。",
    ),
    R.REQUEST_ID_REUSED: Meaning(
        grpc.StatusCode.ALREADY_EXISTS,
        "This request_id was used for another request. Use a new one.",
        "该 request_id 已用于另一请求。请使用新的编号。",
    ),
    R.BATCH_ID_REUSED: Meaning(
        grpc.StatusCode.ALREADY_EXISTS,
        "This batch_id was used for another content. Send the content of the first, or use a new id.",
        "该 batch_id 已用于另一批内容。请按首次内容重发，或使用新的编号。",
    ),
    R.RECEIPT_NOT_FOUND: Meaning(_NOT_FOUND, "No receipt of yours has this id.", "没有属于贵机构且编号如此的回执。"),
    R.RELEASE_NOT_FOUND: Meaning(
        _NOT_FOUND,
        "No release that you may ask for has this id.",
        "没有您可请求且编号如此的发布结果。",
    ),
    R.PROPOSAL_NOT_FOUND: Meaning(_NOT_FOUND, "No proposal has this id.", "没有编号如此的政策提议。"),
    R.SNAPSHOT_NOT_FOUND: Meaning(
        _NOT_FOUND, "No policy that was ever in force has this digest.", "没有曾经生效且摘要如此的政策。"
    ),
    R.ENTRY_NOT_FOUND: Meaning(
        _NOT_FOUND,
        "The register has no such entry that you keep, or it is over.",
        "登记册中没有由您保管的该条目，或其已终止。",
    ),
    R.EXTRACT_NOT_FOUND: Meaning(
        _NOT_FOUND,
        "No extract of yours can be gone on with in this way, or not any more. Ask for it anew.",
        "没有可以如此继续的提取，或其已不能继续。请重新发起提取请求。",
    ),
    R.EXPORT_NOT_FOUND: Meaning(
        _NOT_FOUND,
        "No export of yours can be fetched in this way, or not any more. Have it made anew.",
        "没有可以如此取回的导出文件，或其已过期。请重新导出。",
    ),
    R.EXPORT_NOT_POSSIBLE: Meaning(
        _PRECONDITION,
        "These rows cannot be exported as files. Extract them as a stream.",
        "这些记录无法导出为文件。请以数据流方式提取。",
    ),
    R.SERIES_NOT_OPEN: Meaning(
        _PRECONDITION,
        "The series has not been opened yet. Open it for its price; ListSeries tells it.",
        "该连续发布尚未开通。请按其价格开通；ListSeries 列出了价格。",
    ),
    R.SECOND_OFFICER_REQUIRED: Meaning(
        _PRECONDITION,
        "This takes an officer who has no part in it yet, by asking, proposing, publishing or signing. Have one do it.",
        "须由尚未参与（申请、提议、发布或签名）的另一名管理人员办理。",
    ),
    R.COOLING_DOWN: Meaning(
        _PRECONDITION,
        "The time between proposal and publication is not over. Publish when it is.",
        "提议与发布之间的冷静期尚未结束。请待结束后再发布。",
    ),
    R.PURPOSE_ENDED_FOR_GOOD: Meaning(
        _PRECONDITION,
        "The purpose's keys were destroyed when it ended, so it stays closed. Give a new purpose another id.",
        "该用途终止时其密钥已销毁，不能重新启用。新的用途请另用编号。",
    ),
    R.REIDENTIFICATION_NOT_APPROVED: Meaning(
        _PRECONDITION,
        "Two officers must approve this first, one of them of another institution. Ask them, within 24 hours.",
        "须先由两名管理人员批准，其中至少一名来自其他机构。请在 24 小时内取得批准。",
    ),
    R.REIDENTIFICATION_LAPSED: Meaning(
        _PRECONDITION,
        "The time to approve or to collect this is over. Ask anew.",
        "批准或领取的期限已过。请重新提出申请。",
    ),
    R.REIDENTIFICATION_COLLECTED: Meaning(
        _PRECONDITION,
        "This was collected before, and is given once. Ask anew if it is lost.",
        "该结果已领取，且仅提供一次。如已遗失，请重新提出申请。",
    ),
    R.BATCH_REJECTED: Meaning(
        _PRECONDITION,
        "Rows were rejected and all were to be kept or none, so nothing was kept. Correct them, or take rejections.",
        "部分行未通过校验，而本批要求整体保存，故未保存任何数据。请更正后重发，或改为允许逐行拒收。",
    ),
    R.SYNTHESIS_NOT_MADE: Meaning(
        _PRECONDITION,
        "The file is not there: see where its job stands, or request it again. That costs nothing.",
        "合成数据文件尚未生成或已过期。请查询任务状态，或重新请求；不另行扣减预算。",
    ),
    R.POLICY_NOT_CURRENT: Meaning(
        grpc.StatusCode.ABORTED,
        "The policy in force has changed since this was proposed. Propose it anew against the policy now in force.",
        "提议之后，生效的政策已有变化。请以现行政策为基础重新提议。",
    ),
    R.SOURCE_UNAVAILABLE: Meaning(
        _UNAVAILABLE, "The data cannot be read now. Try again later.", "数据暂时无法读取。请稍后再试。"
    ),
    R.SOURCE_SCHEMA_CHANGED: Meaning(
        _PRECONDITION,
        "The data no longer has the schema its contract declares. The steward has to look at it.",
        "数据结构已与数据契约不符。需由数据管理员处理。",
    ),
    R.TOKENS_GUESSABLE: Meaning(
        _PRECONDITION,
        "A field has so few different values that counting would undo its tokens. Ask the steward to generalise, mask "
        "or perturb it, or leave it out.",
        "某字段取值过少，统计频次即可还原其假名。请由数据管理员改为泛化、遮蔽或扰动，或不申请该字段。",
    ),
    R.AUDIT_UNAVAILABLE: Meaning(
        _UNAVAILABLE,
        "The audit log cannot be written, so nothing is disclosed. Try again later.",
        "审计日志无法写入，故不披露任何数据。请稍后再试。",
    ),
    R.LEDGER_UNAVAILABLE: Meaning(
        _UNAVAILABLE,
        "The budget ledger cannot be written, so nothing is released. Try again later.",
        "预算账本无法写入，故不发布任何结果。请稍后再试。",
    ),
    R.KEYS_UNAVAILABLE: Meaning(
        _UNAVAILABLE, "The keys cannot be read now. Try again later.", "密钥暂时无法读取。请稍后再试。"
    ),
    R.RELEASE_FAILED: Meaning(
        grpc.StatusCode.INTERNAL,
        "The release failed after its charge. Send the same request again: it is not charged twice.",
        "发布在扣减预算后失败。请重发同一请求：不会重复扣减。",
    ),
    R.PERMIT_REVOKED: Meaning(
        grpc.StatusCode.ABORTED,
        "The permission ended while the stream ran. What was received is incomplete.",
        "数据流传输期间授权终止。已收到的数据不完整。",
    ),
    R.POLICY_UNAVAILABLE: Meaning(
        _UNAVAILABLE,
        "No valid policy is loaded, so nothing is disclosed. Try again later.",
        "未加载有效政策，故不披露任何数据。请稍后再试。",
    ),
    R.REGISTER_UNAVAILABLE: Meaning(
        _UNAVAILABLE,
        "A register that the grant relies on cannot be used now, so nothing is disclosed. Try again later.",
        "授权所依据的登记册暂时无法使用，故不披露任何数据。请稍后再试。",
    ),
    R.INTAKE_UNAVAILABLE: Meaning(
        _UNAVAILABLE,
        "Rows cannot be kept now. Send the same batch again later: it is kept once.",
        "数据暂时无法保存。请稍后重发同一批次：只会保存一次。",
    ),
    R.INTERNAL: Meaning(
        grpc.StatusCode.INTERNAL,
        "The gateway failed unexpectedly. Nothing more can be said here; its operator sees it.",
        "网关发生意外故障。此处无法说明更多；运维人员可以看到。",
    ),
}
