"""What of the protocol this package sends, answers and reads: a change of the protocol is weighed by it.

Kept by hand: a test reads the package's code and says which words to add here and which to remove.
"""

from __future__ import annotations

from typing import Final

from agent_sdk_core.records import dataclass


@dataclass(frozen=True, slots=True)
class Used:
    """What is used of a protocol, by the words of the wire.

    Attributes:
        methods: Methods that are sent or handled.
        fields: Fields that are sent or read, wherever a used method leads to one of this name.
        values: Values of enumerations, and variants of unions, likewise.
        needed: Those of all three without which no session works; what they lead to is needed as far as it is here.
        not_meant: Places that have such a name and are not used, as `Shape.field` or `Shape "value"`.
        spared: Methods that are answered where Codex asks, and that nobody misses where it no longer does.
    """

    methods: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()
    not_meant: frozenset[str] = frozenset()
    spared: frozenset[str] = frozenset()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


METHODS: Final = _words(
    """
    initialize initialized config/read model/list account/read skills/list
    thread/start thread/resume thread/fork thread/unsubscribe thread/list thread/loaded/list thread/read thread/search
    thread/turns/list
    thread/name/set thread/archive thread/delete thread/compact/start thread/backgroundTerminals/list
    thread/backgroundTerminals/clean thread/backgroundTerminals/terminate
    turn/start turn/steer turn/interrupt thread/settings/update
    mcpServerStatus/list mcpServer/oauth/login config/mcpServer/reload

    item/commandExecution/requestApproval item/fileChange/requestApproval item/permissions/requestApproval
    item/tool/call item/tool/requestUserInput mcpServer/elicitation/request currentTime/read
    account/chatgptAuthTokens/refresh attestation/generate applyPatchApproval execCommandApproval

    thread/settings/updated thread/tokenUsage/updated turn/started turn/completed turn/diff/updated turn/plan/updated
    item/started item/completed item/agentMessage/delta item/plan/delta item/reasoning/summaryPartAdded
    item/reasoning/summaryTextDelta item/reasoning/textDelta item/commandExecution/outputDelta
    item/commandExecution/terminalInteraction item/fileChange/patchUpdated item/mcpToolCall/progress
    item/autoApprovalReview/completed autoApprovalReview/strictReviewRequired serverRequest/resolved
    hook/started hook/completed mcpServer/startupStatus/updated model/rerouted account/rateLimits/updated
    modelProvider/authRecoveryStarted modelProvider/authRecoveryCompleted
    error warning guardianWarning configWarning deprecationNotice windows/worldWritableWarning
    account/login/start account/login/cancel account/login/completed account/logout thread/unarchive
    thread/name/updated thread/goal/set thread/goal/clear thread/goal/updated thread/goal/cleared
    """
)

FIELDS: Final = _words(
    """
    _meta acceptWithExecpolicyAmendment account action activeTurnNotSteerable additionalContext additionalDetails
    additionalPermissions additionalSpeedTiers agentPath agentsStates agentThreadId aggregatedOutput annotations answers
    apiKey applyNetworkPolicyAmendment approval_policy approvalPolicy approvalsReviewer arguments authorizationUrl
    authUrl availableDecisions baseInstructions branch cachedInputTokens cacheWriteInputTokens callId capabilities
    changes clientId clientInfo clientUserMessageId cliVersion codexErrorInfo codexHome collaborationMode command
    commandActions completedAtMs config content contentIndex contentItems createdAt currentTimeAt cursor cwd cwds data
    decision
    defaultReasoningEffort delivery delta denied description detail details developer_instructions developerInstructions
    diff displayName durationMs dynamicTools effort email enabled entries ephemeral error errors eventName
    exclude_slash_tmp exclude_tmpdir_env_var excludeSlashTmp excludeTmpdirEnvVar excludeTurns execpolicy_amendment
    exitCode expectedTurnId experimentalApi experimentalRawEvents failure file file_id fileId fileSystem firstUnread
    forceReload fragments fromModel gitInfo goal grantRoot granular header historyMode host httpConnectionFailed
    httpStatusCode id image_url imageUrl includeLayers includeTurns input inputModalities inputSchema inputTokens
    isDefault isOther isSecret item itemId items itemsView kind label last lastTurnId layers limit loginId
    memoryCitation message mode model model_reasoning_effort model_reasoning_summary modelContextWindow modelProvider
    move_path name namespace network network_access network_policy_amendment networkAccess networkApprovalContext
    nextCursor objective options origin osPid output outputSchema outputTokens path permissions personality phase plan
    planType preview processId prompt proposedExecpolicyAmendment proposedNetworkPolicyAmendments provider queries query
    question questions rateLimits rationale read readOnlyHint readState reason reasoning_effort reasoningEffort
    reasoningOutputTokens receiverThreadIds rejection request_permissions requestAttestation requestedSchema requestId
    requiresOpenaiAuth responseStreamConnectionFailed responseStreamDisconnected responseTooManyFailedAttempts result
    results review revisedPrompt rootTurnId run runtimeStatus sandbox sandbox_mode sandbox_workspace_write sandboxPolicy
    savedPath scope searchTerm server serverInfo serverName serviceTier serviceTiers settings skills snippet
    sortDirection sortKey source sourcePath status stdin step structuredContent success summary summaryIndex
    supportedReasoningEfforts targetItemId text text_elements thread threadId threadName threadSettings timeUsedSeconds
    title token tokenBudget tokensUsed tokenUsage toModel tool toolName tools toolsError total totalTokens turn turnId
    turnTrigger turns type updatedAt url userAgent userCode verificationUrl version web_search willRetry writable_roots
    writableRoots
    """
)

VALUES: Final = _words(
    """
    aborted accept acceptForSession acceptWithExecpolicyAmendment activeTurnNotSteerable add agent agentMessage allow
    amazonBedrock apiKey applyNetworkPolicyAmendment applyPatch approved asc async audio authenticationRequired auto
    auto_review badRequest budgetLimited cancel canceled cancelled chatgpt chatgptDeviceCode closeAgent
    collabAgentToolCall command commandExecution completed connected contextCompaction contextWindowExceeded cyberPolicy
    danger-full-access dangerFullAccess decline declined default delete denied deny desc disabled dynamicToolCall
    enteredReviewMode error execve exitedReviewMode failed fileChange final_answer flexUnavailable followupTask form
    full function functionCallOutput granular guardian_subagent high hookPrompt httpConnectionFailed image
    imageGeneration imageView inProgress input_image input_text inputImage inputText interacted internalServerError
    interruptAgent interrupted listAgents listFiles localAudio localImage low mcpToolCall mention
    misalignmentPolicyViolation namespace network_policy_amendment networkAccess never none notStarted on-request
    openai/form openaiForm paginated path paused pending plan project rateLimitExceeded read read-only readOnly ready
    reasoning repo responseStreamConnectionFailed responseStreamDisconnected responseTooManyFailedAttempts resumeAgent
    sandboxError search sendInput sendMessage serverOverloaded session sessionBudgetExceeded sessionFlags skill sleep
    spawnAgent started starting stop stopped subAgentActivity summary system text thread toolsAndAuthOnly tooManyDenials
    turn unauthorized unknown untrusted update updated_at url usageLimited usageLimitExceeded user userMessage wait
    warning webSearch workspace-write workspaceWrite writeStdin
    """
)

NEEDED: Final = _words(
    """
    initialize initialized config/read thread/start turn/start turn/started turn/completed item/started item/completed
    userAgent clientInfo capabilities experimentalApi thread threadId turn turnId item id type status input text
    cwd approvalPolicy sandbox
    userMessage agentMessage completed failed interrupted inProgress
    never on-request read-only workspace-write danger-full-access
    """
)
"""A thread that did not take its sandbox would run unprotected, so that counts as well."""

NOT_MEANT: Final = frozenset(
    {
        'GuardianApprovalReviewAction "writeStdin"',
        'InputModality "audio"',
        "ConfigLayerSource.legacyManagedConfigTomlFromFile.file",
        "ConfigLayerSource.packagedDefaults.file",
        "ConfigLayerSource.system.file",
        "ConfigLayerSource.user.file",
        "FunctionCallOutputContentItem.input_image.file_id",
        "SkillsListEntry.errors",
        "Thread.reasoningEffort",
        "ThreadResumeResponse.collaborationMode",
        "TurnStartParams.rootTurnId",
    }
)

SPARED: Final = _words("currentTime/read")

USED: Final = Used(METHODS, FIELDS, VALUES, NEEDED, NOT_MEANT, SPARED)
