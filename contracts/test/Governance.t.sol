// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Params} from "../src/Params.sol";
import {ParamRules} from "../src/libraries/ParamRules.sol";
import {Param} from "../src/types/Param.sol";
import {GovernanceBase} from "./support/GovernanceBase.sol";
import {VM} from "./support/Vm.sol";

contract GovernanceTest is GovernanceBase {
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);
    address private constant CAROL = address(0xCA401);
    uint8 private constant AGAINST = 0;
    uint8 private constant FOR = 1;
    uint8 private constant ABSTAIN = 2;

    function setUp() public {
        deployGovernance();
        _join(ALICE, 300 ether);
        _join(BOB, 200 ether);
        _join(CAROL, 500 ether);
        _pass(1);
    }

    function test_changesAParameterThatWasVotedFor() public {
        uint256 id = _propose(Param.WindowSeconds, 8);
        _state(id, IGovernor.ProposalState.Pending);
        _pass(VOTING_DELAY + 1);
        _vote(ALICE, id, FOR);
        _vote(BOB, id, AGAINST);
        _pass(VOTING_PERIOD);
        _state(id, IGovernor.ProposalState.Succeeded);
        governor.queue(id);
        _state(id, IGovernor.ProposalState.Queued);
        _pass(TIMELOCK_DELAY);
        // Anybody may do what was decided.
        VM.prank(address(0xDEAD));
        governor.execute(id);
        _state(id, IGovernor.ProposalState.Executed);
        uint64 epoch = params.epoch();
        equal(params.valueAt(Param.WindowSeconds, epoch), 4, "now");
        equal(params.valueAt(Param.WindowSeconds, epoch + 1), 4, "notice");
        equal(params.valueAt(Param.WindowSeconds, epoch + 2), 8, "then");
    }

    function test_waitsForTheTimelock() public {
        uint256 id = _passed(Param.WindowSeconds, 8);
        governor.queue(id);
        _pass(TIMELOCK_DELAY - 1);
        VM.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        governor.execute(id);
        _pass(1);
        governor.execute(id);
        VM.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        governor.execute(id);
    }

    function test_refusesToProposeWithoutVotes() public {
        _join(address(0x5A11), 100 ether - 1);
        _pass(1);
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = _change(Param.WindowSeconds, 8);
        VM.prank(address(0x5A11));
        VM.expectRevert(
            abi.encodeWithSelector(
                IGovernor.GovernorInsufficientProposerVotes.selector, address(0x5A11), 100 ether - 1, 100 ether
            )
        );
        governor.propose(targets, values, calls, "too little");
    }

    function test_defeatsWhatTooFewVoteOn() public {
        // A quarter of 1,000 is needed; 200 are for it.
        uint256 id = _propose(Param.WindowSeconds, 8);
        _pass(VOTING_DELAY + 1);
        _vote(BOB, id, FOR);
        _pass(VOTING_PERIOD);
        _state(id, IGovernor.ProposalState.Defeated);
        VM.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        governor.queue(id);
        // Whoever abstains helps to the quorum.
        id = _propose(Param.WindowSeconds, 9);
        _pass(VOTING_DELAY + 1);
        _vote(BOB, id, FOR);
        _vote(CAROL, id, ABSTAIN);
        _pass(VOTING_PERIOD);
        _state(id, IGovernor.ProposalState.Succeeded);
    }

    function test_needsMoreThanAFewWhileFewTakePart() public {
        address[3] memory holders = [ALICE, BOB, CAROL];
        uint256[3] memory left = [uint256(149 ether), 0, 0];
        for (uint256 i = 0; i < holders.length; i++) {
            uint256 amountWei = gOpen.balanceOf(holders[i]) - left[i];
            VM.prank(holders[i]);
            gOpen.withdraw(payable(holders[i]), amountWei);
        }
        _pass(1);
        // All GOPEN there is, and yet not enough.
        uint256 id = _propose(Param.WindowSeconds, 8);
        _pass(VOTING_DELAY + 1);
        _vote(ALICE, id, FOR);
        equal(governor.quorum(VM.getBlockTimestamp() - 1), 150 ether, "quorum");
        _pass(VOTING_PERIOD);
        _state(id, IGovernor.ProposalState.Defeated);
    }

    function test_defeatsWhatMoreAreAgainst() public {
        uint256 id = _propose(Param.WindowSeconds, 8);
        _pass(VOTING_DELAY + 1);
        _vote(ALICE, id, FOR);
        _vote(CAROL, id, AGAINST);
        _pass(VOTING_PERIOD);
        _state(id, IGovernor.ProposalState.Defeated);
    }

    function test_countsNoVoteTwice() public {
        uint256 id = _propose(Param.WindowSeconds, 8);
        _pass(VOTING_DELAY + 1);
        _vote(ALICE, id, FOR);
        VM.prank(ALICE);
        VM.expectRevert(abi.encodeWithSelector(IGovernor.GovernorAlreadyCastVote.selector, ALICE));
        governor.castVote(id, FOR);
        // Votes are those of the moment at which voting began: sent on, they count for nobody else.
        VM.prank(ALICE);
        gOpen.transfer(address(0xF12E), 300 ether);
        VM.prank(address(0xF12E));
        gOpen.delegate(address(0xF12E));
        _pass(2);
        _vote(address(0xF12E), id, FOR);
        (, uint256 forWei,) = governor.proposalVotes(id);
        equal(forWei, 300 ether, "for");
    }

    function test_countsNoVotesBoughtAfterTheyBegan() public {
        uint256 id = _propose(Param.WindowSeconds, 8);
        _pass(VOTING_DELAY + 1);
        _join(address(0xB16), 10_000 ether);
        _pass(1);
        _vote(address(0xB16), id, AGAINST);
        (uint256 againstWei,,) = governor.proposalVotes(id);
        equal(againstWei, 0, "against");
    }

    function test_takesNoVotesOutOfTime() public {
        uint256 id = _propose(Param.WindowSeconds, 8);
        VM.prank(ALICE);
        VM.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        governor.castVote(id, FOR);
        _pass(VOTING_DELAY + VOTING_PERIOD + 1);
        VM.prank(ALICE);
        VM.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        governor.castVote(id, FOR);
    }

    function test_carriesOutNothingThatTheParametersForbid() public {
        uint256 id = _passed(Param.ReporterBps, 5001);
        governor.queue(id);
        _pass(TIMELOCK_DELAY);
        VM.expectRevert(abi.encodeWithSelector(ParamRules.OutOfBounds.selector, Param.ReporterBps, 5001, 0, 5000));
        governor.execute(id);
    }

    function test_letsTheTimelockAloneSet() public {
        equal(uint256(uint160(params.governor())), uint256(uint160(address(timelock))), "governor");
        (Param[] memory names, uint64[] memory values) = one(Param.WindowSeconds, 8);
        VM.prank(address(governor));
        VM.expectRevert(abi.encodeWithSelector(Params.NotGovernor.selector, address(governor)));
        params.set(names, values);
        VM.prank(address(timelock));
        params.set(names, values);
    }

    function test_leavesNobodyAboveTheVotes() public {
        address[4] memory nobodies = [address(this), ALICE, address(0), address(gOpen)];
        for (uint256 i = 0; i < nobodies.length; i++) {
            require(!timelock.hasRole(timelock.DEFAULT_ADMIN_ROLE(), nobodies[i]), "administrator");
            require(!timelock.hasRole(timelock.PROPOSER_ROLE(), nobodies[i]), "proposer");
            require(!timelock.hasRole(timelock.CANCELLER_ROLE(), nobodies[i]), "canceller");
        }
        require(timelock.hasRole(timelock.PROPOSER_ROLE(), address(governor)), "governor proposes");
        require(timelock.hasRole(timelock.CANCELLER_ROLE(), address(governor)), "governor cancels");
        require(timelock.hasRole(timelock.EXECUTOR_ROLE(), address(0)), "anybody executes");
        bytes32 role = timelock.PROPOSER_ROLE();
        VM.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        timelock.grantRole(role, address(this));
        VM.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        timelock.schedule(address(params), 0, "", 0, 0, TIMELOCK_DELAY);
        VM.expectPartialRevert(TimelockController.TimelockUnauthorizedCaller.selector);
        timelock.updateDelay(0);
        VM.expectPartialRevert(IGovernor.GovernorOnlyExecutor.selector);
        governor.setVotingPeriod(1);
    }

    function test_remembersWhereAProposalWasMade() public {
        uint256 id = _propose(Param.WindowSeconds, 8);
        equal(governor.proposedInBlock(id), block.number, "block");
        equal(governor.proposalCount(), 1, "count");
        (uint256 first,,,,) = governor.proposalDetailsAt(0);
        equal(first, id, "first");
    }

    function _join(address account, uint256 amountWei) private {
        VM.deal(account, amountWei);
        VM.prank(account);
        gOpen.deposit{value: amountWei}();
        VM.prank(account);
        gOpen.delegate(account);
    }

    function _change(Param param, uint64 value)
        private
        view
        returns (address[] memory targets, uint256[] memory values, bytes[] memory calls)
    {
        (Param[] memory names, uint64[] memory numbers) = one(param, value);
        targets = new address[](1);
        values = new uint256[](1);
        calls = new bytes[](1);
        targets[0] = address(params);
        calls[0] = abi.encodeCall(Params.set, (names, numbers));
    }

    function _propose(Param param, uint64 value) private returns (uint256) {
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = _change(param, value);
        VM.prank(ALICE);
        return governor.propose(targets, values, calls, "because");
    }

    /// @dev A proposal that has been voted for.
    function _passed(Param param, uint64 value) private returns (uint256 id) {
        id = _propose(param, value);
        _pass(VOTING_DELAY + 1);
        _vote(CAROL, id, FOR);
        _pass(VOTING_PERIOD);
    }

    function _vote(address account, uint256 id, uint8 support) private {
        VM.prank(account);
        governor.castVote(id, support);
    }

    function _state(uint256 id, IGovernor.ProposalState expected) private view {
        equal(uint256(governor.state(id)), uint256(expected), "state");
    }

    function _pass(uint256 seconds_) private {
        VM.warp(VM.getBlockTimestamp() + seconds_);
    }
}
