package madeup

// clause is the wording of one statement about two or three drugs. Places {1}, {2}, {3} come in this order
// in the text; pairs lists those that the label holds for.
type clause struct {
	label string
	drugs int
	pairs [][2]int
	text  string
}

var (
	one   = [][2]int{{1, 2}}         // the first two
	outer = [][2]int{{1, 3}}         // the first and the last, not the middle
	first = [][2]int{{1, 2}, {1, 3}} // the first with each of the others
	last  = [][2]int{{1, 3}, {2, 3}} // each of the first two with the last
)

// labelOdds is the distribution of labels of clauses. Bystanders and cross pairs add further false ones.
var labelOdds = []string{Advise, Advise, Advise, Effect, Effect, Effect, Int, Int, Mechanism, Mechanism, Mechanism, False, False}

// clauses holds the wording by label. No verb, noun or negation belongs to a single label: labels differ in the changed
// quantity (a level or an effect), in the drug that it belongs to, and in the positions of the two tags relative to it.
var clauses = map[string][]clause{
	Mechanism: {
		{Mechanism, 2, one, "{1} {changed} the {level} of {2}"},
		{Mechanism, 2, one, "the {level} of {1} was {altered} when {2} was {given} {together}"},
		{Mechanism, 2, one, "{1} {blocked} {enzyme} and thereby {changed} the {level} of {2}"},
		{Mechanism, 2, one, "the {harm} {seen} with {1} was due to its {altered} {clearance} under {2}"},
		{Mechanism, 3, first, "{1} {changed} the {level} of both {2} and {3}"},
		{Mechanism, 3, outer, "{1}, but not {2}, {changed} the {level} of {3}"},
		{Mechanism, 3, last, "{1} and {2} each {changed} the {level} of {3}"},
		{Mechanism, 3, outer, "the {level} of {1} was not {altered} by {2} but was {altered} by {3}"},
		{Mechanism, 3, one, "{1} {changed} the {level} of {2} without any change in the {effect} of {3}"},
	},
	Effect: {
		{Effect, 2, one, "{1} {changed} the {effect} of {2}"},
		{Effect, 2, one, "the {effect} of {1} was {altered} when {2} was {given} {together}"},
		{Effect, 2, one, "{people} who took {1} {together} with {2} had {more} {harm}"},
		{Effect, 2, one, "{harm} was {seen} {often} when {1} was added to {2}"},
		{Effect, 3, first, "{1} {changed} the {effect} of both {2} and {3}"},
		{Effect, 3, outer, "{1}, but not {2}, {changed} the {effect} of {3}"},
		{Effect, 3, last, "{1} and {2} each {changed} the {effect} of {3}"},
		{Effect, 3, outer, "the {effect} of {1} was not {altered} by {2} but was {altered} by {3}"},
		{Effect, 3, one, "{1} {changed} the {effect} of {2} without any change in the {level} of {3}"},
	},
	Advise: {
		{Advise, 2, one, "{1} should not be {given} {together} with {2}"},
		{Advise, 2, one, "the dose of {1} should be {adjusted} in {people} who take {2}"},
		{Advise, 2, one, "{people} who take {1} should be {watched} for {harm} when {2} is started"},
		{Advise, 2, one, "caution is advised when {1} and {2} are {given} {together}"},
		{Advise, 3, first, "{1} should be {avoided} in {people} who take {2} or {3}"},
		{Advise, 3, one, "{1} should not be {given} {together} with {2}, for which {3} may be {given} instead"},
		{Advise, 3, outer, "the dose of {1} need not be {adjusted} with {2} but should be {adjusted} with {3}"},
	},
	Int: {
		{Int, 2, one, "{1} may interact with {2}"},
		{Int, 2, one, "an interaction between {1} and {2} was {seen}"},
		{Int, 3, first, "{1} is known to interact with {2} and with {3}"},
		{Int, 3, one, "an interaction of {1} was {seen} with {2}, but not with {3}"},
		{Int, 3, outer, "{1} does not interact with {2} but may interact with {3}"},
	},
	False: {
		{False, 2, nil, "{1} did not {change} the {level} of {2}"},
		{False, 2, nil, "{1} did not {change} the {effect} of {2}"},
		{False, 2, nil, "the {level} of {1} was {altered} by {food}, as was that of {2}"},
		{False, 2, nil, "the {effect} of {1} was compared with that of {2}"},
		{False, 2, nil, "neither {1} nor {2} {changed} {marker}"},
		{False, 2, nil, "{1} and {2} each {changed} {marker}"},
		{False, 2, nil, "no interaction between {1} and {2} was {seen}"},
		{False, 2, nil, "{1} does not interact with {2}"},
		{False, 2, nil, "the dose of {1} need not be {adjusted} in {people} who take {2}"},
		{False, 2, nil, "{1} and {2} should be {given} with {food}"},
		{False, 2, nil, "caution is advised when {1} or {2} is {given} to {people} with {condition}"},
		{False, 2, nil, "{n} {patients} took {1} or {2} for {period}"},
		{False, 3, nil, "{1}, {2} and {3} were {given} to {patients} with {condition}"},
	},
}

// settings end a clause and name no drug.
var settings = []string{
	" in {patients} with {condition}",
	" after {period}",
	" in a {study} of {n} {patients}",
	", and no change was {seen} in {marker}",
	", which was not {seen} before",
}

// bystandersBefore and bystandersAfter name a drug that has no relation to those of the clause.
var (
	bystandersBefore = []string{
		"unlike {1}, ",
		"in {people} with {condition} for whom {1} did not work, ",
		"although {1} {changed} {marker}, ",
		"in a {study} of {n} {patients} in which {1} was also {given}, ",
		"with {1} no change was {seen}; by contrast, ",
	}
	bystandersAfter = []string{
		", whereas {1} did not",
		", which is not true of {1}",
		", and {1} should be {given} with {food}",
		", but {1} had no such effect",
		", and the {level} of {1} {rose} after {food}",
	}
)

// links join two clauses that have nothing to do with each other.
var links = []string{", whereas ", ", and ", "; by contrast, ", ", but "}
